"""What the logs of the targets say against a simulation, beside the audit of its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.reliability.simulation.reviewers import step_of
from tests.reliability.simulation.workflows import EFFECTS

MOST_ATTEMPTS = 150
"""How often an execution may be taken up: each time should be for something."""


def verdict(installation: Any) -> list[str]:
    """Everything that should not be."""
    found: list[str] = []
    for run, workflow in installation.runs.items():
        found += [f"{run} ({workflow}): {said}" for said in _of(installation, run, workflow)]
    return found


def _of(installation: Any, run: str, workflow: str) -> Iterator[str]:
    execution, targets = installation.store.execution(run), installation.outside.targets
    wished = run in installation.people.cancelled or run in installation.prefect.cancelled
    code = (execution.error or {}).get("code")
    if execution.status == "cancelled" and not wished:
        yield "was cancelled, and nobody wished it"
    if execution.attempt > MOST_ATTEMPTS:
        yield f"was taken up {execution.attempt} times"
    if execution.status == "failed" and code != "effect_unknown":
        yield f"failed: {execution.error}"
    ledger = {effect.key: effect for effect in installation.store.effects(run)}
    calls: Counter[str] = Counter(key for what, key in targets.service.calls if f" /{run}/" in what)
    approvals = Counter(
        step_of(path) for path, made in installation.store.decisions(run).items() if made.kind == "approved"
    )
    for key, times in calls.items():
        effect = ledger.get(key)
        if effect is None:
            yield f"{times} calls with the key {key}, which is not in the ledger"
        elif effect.target_class == "neither" and times > 1 + approvals[step_of(effect.path)]:
            yield f"{effect.target} was called {times} times with {approvals[step_of(effect.path)]} approvals"
    applied = Counter(what.replace(f"/{run}/", "") for what in targets.service.applied if f" /{run}/" in what)
    applied["page"] = sum(write.url.endswith(f"/{run}") for write in targets.site.writes)
    for what in EFFECTS[workflow]:
        asked_again = what.startswith("POST") and approvals[what.removeprefix("POST ")]
        if applied[what] > 1 and not asked_again:
            yield f"{what} was done {applied[what]} times"
        if execution.status == "completed" and not applied[what]:
            yield f"completed, and {what} was not done"
