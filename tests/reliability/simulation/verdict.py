"""Invariants of a simulation that the logs of its targets show, beside the audit of its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.reliability.simulation.reviewers import step_of
from tests.reliability.simulation.workflows import EFFECTS

MOST_ATTEMPTS = 150
"""The number of times that an execution may be claimed: each claim should make progress."""


def verdict(installation: Any) -> list[str]:
    """All violations, one line each."""
    found: list[str] = []
    for run, workflow in installation.runs.items():
        found += [f"{run} ({workflow}): {finding}" for finding in _of(installation, run, workflow)]
    return found


def _of(installation: Any, run: str, workflow: str) -> Iterator[str]:
    execution, targets = installation.store.execution(run), installation.network.targets
    requested = run in installation.reviewers.cancelled or run in installation.prefect.cancelled
    code = (execution.error or {}).get("code")
    if execution.status == "cancelled" and not requested:
        yield "was cancelled without a request"
    if execution.attempt > MOST_ATTEMPTS:
        yield f"was claimed {execution.attempt} times"
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
            yield f"{what} was applied {applied[what]} times"
        if execution.status == "completed" and not applied[what]:
            yield f"completed, and {what} was not applied"
