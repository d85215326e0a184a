"""Histories of executions that a release recorded, and the commands of a walk that replays one.

`python -m tests.reliability.record_histories` records those of the current release, once; they are never changed later.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.engine.history import info_of
from flowbuilder.errors import LanguageError, StepError
from flowbuilder.model.effect import effect_key
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.compiler import recompile
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.step import ExecutionInfo
from flowbuilder.values import digest
from flowbuilder.walk.commands import Ask, Command, Note, Start, Withdraw
from flowbuilder.walk.walk import Walk

History = dict[str, Any]
"""`{workflow, versions: {name: {number: document}}, execution, install, digest, arrivals, decided, finish, keys}`."""


def history_of(store: Store, execution_id: str) -> History:
    """The history of an execution: its arrivals (outcomes and decisions) in order, and the keys of its effects."""
    execution = store.execution(execution_id)
    info = info_of(execution)
    history: History = {
        "workflow": [execution.workflow, execution.version],
        "versions": _versions(store),
        "execution": {"id": info.id, "version": info.version, "started_at": info.started_at},
        "inputs": execution.inputs,
        "site": execution.site_record,
        "install": store.install_id(),
        "digest": execution.digest,
        "arrivals": list(_arrivals(store, execution)),
        "keys": sorted([effect.path, effect.key] for effect in store.effects(execution_id)),
    }
    history["decided"], history["finish"] = decisions_after(history, history["arrivals"])
    return history


def _versions(store: Store) -> dict[str, dict[str, Any]]:
    names = [summary.name for summary in store.workflows()]
    return {name: {str(found.number): found.document for found in store.versions(name)} for name in names}


def _arrivals(store: Store, execution: Execution) -> Iterator[dict[str, Any]]:
    outcomes = {outcome.path: outcome for outcome in store.outcomes(execution.id)}
    where = ReviewFilter(execution_id=execution.id, status=None)
    reviews = {review.path: review for review in store.reviews(where, limit=1000).reviews}
    for event in store.events(execution.id, limit=100_000):
        if event.type in ("step_completed", "step_failed"):
            outcome = outcomes[event.path]
            kept = {"path": outcome.path, "status": outcome.status, "output": outcome.output, "error": outcome.error}
            yield {"outcome": kept}
        elif event.type == "review_opened":
            yield {"asked": event.path}
        elif event.type in ("review_decided", "review_expired") and event.path in store.decisions(execution.id):
            decision = reviews[event.path].decision
            assert decision is not None
            yield {"decision": {**asdict(decision), "at": decision.at.isoformat()}, "path": event.path}


def plan_of(history: History) -> Plan:
    """The plan of a history, compiled by this release."""
    known: dict[str, dict[str, Any]] = history["versions"]

    def find(name: str, number: int | None) -> Definition:
        versions = known[name]
        definition, report = load(versions[str(number or max(map(int, versions)))], stored=True)
        assert definition is not None, report.summary()
        return definition

    return recompile(find(*history["workflow"]), workflows=find)


def new_walk(
    history: History,
    plan: Plan,
    outcomes: Iterable[Outcome] = (),
    decisions: Mapping[str, Decision] | None = None,
    asked: Iterable[str] = (),
) -> Walk:
    """A walk with these outcomes and decisions."""
    of = history["execution"]
    info = ExecutionInfo(id=of["id"], workflow=plan.name, version=of["version"], started_at=of["started_at"])
    return Walk(
        plan,
        inputs=history["inputs"],
        site=history["site"],
        execution=info,
        outcomes=outcomes,
        decisions=decisions,
        asked=asked,
    )


def decisions_after(history: History, arrivals: Iterable[dict[str, Any]]) -> tuple[list[list[Any]], Any]:
    """Replay the arrivals: the commands after each (the first list: before any of them), and the finish, None where the
    walk has not ended."""
    walk = new_walk(history, plan_of(history))
    decided = [_shown(history, walk.advance())]
    for arrival in arrivals:
        report(walk, arrival)
        decided.append(_shown(history, walk.advance()))
    finish = walk.conclude()
    return decided, None if finish is None else digest([finish.outputs, finish.error])


def report(walk: Walk, arrival: dict[str, Any]) -> None:
    """Report one arrival to a walk."""
    if "outcome" in arrival:
        outcome = Outcome(**arrival["outcome"])
        walk.finished(outcome) if outcome.path in walk.running else walk.review_failed(outcome)
    elif "asked" in arrival:
        path = StepPath(arrival["asked"]).step_run
        if path in walk.running:
            walk.finished(Outcome(path=path, status="needs_review"))
    else:
        walk.decided(arrival["path"], decision_of(arrival))


def decision_of(arrival: dict[str, Any]) -> Decision:
    kept = arrival["decision"]
    return Decision(**{**kept, "at": datetime.fromisoformat(kept["at"]), "comments": tuple(kept["comments"])})


def in_another_order(history: History, rng: random.Random) -> tuple[list[Any], Any]:
    """Replay the arrivals in a random possible order: all commands, sorted, and the finish."""
    walk = new_walk(history, plan_of(history))
    decided = _shown(history, walk.advance())
    left = list(history["arrivals"])
    while left:
        able = [arrival for arrival in left if _waits_for(walk, arrival, left)]
        if not able:
            break
        arrival = rng.choice(able)
        left.remove(arrival)
        report(walk, arrival)
        decided += _shown(history, walk.advance())
    finish = walk.conclude()
    return sorted(decided, key=str), None if finish is None else digest([finish.outputs, finish.error])


def _waits_for(walk: Walk, arrival: dict[str, Any], left: list[dict[str, Any]]) -> bool:
    """Whether this arrival may be next: a step's question precedes its decision, which precedes the step's outcome."""
    path = path_of(arrival)
    if "outcome" in arrival:
        asks = any(StepPath(path_of(other)).step_run == path for other in left if "outcome" not in other)
        return not asks and path in (*walk.running, *walk.waiting)
    if "asked" in arrival:
        return StepPath(path).step_run in walk.running or path in walk.waiting
    return path in walk.waiting and {"asked": path} not in left


def path_of(arrival: dict[str, Any]) -> str:
    """The path of the step run or review of an arrival."""
    path: str = arrival["outcome"]["path"] if "outcome" in arrival else arrival.get("asked") or arrival["path"]
    return path


def _shown(history: History, actions: Iterable[Command]) -> list[list[Any]]:
    return [_one(history, action) for action in actions]


def _one(history: History, action: Command) -> list[Any]:
    match action:
        case Start(path=path, node=node, context=context):
            try:
                bound = node.step.bind(context)
            except (StepError, LanguageError) as problem:
                return ["start", path, problem.code]
            # expressions are rendered when the step runs; fields that were not given may get another default
            set_fields = bound.model_dump(
                mode="json", exclude_unset=True, by_alias=True, fallback=lambda value: str(value.source)
            )
            shown = ["start", path, digest(set_fields)]
            if node.step.has_effect():
                own = getattr(getattr(bound, "effect", None), "key", None)
                shown.append(effect_key(history["install"], history["execution"]["id"], path, author_key=own))
            return shown
        case Ask(path=path, node=node, context=context, round=number):
            assert isinstance(node.step, HumanReview)
            try:
                return ["ask", path, node.step.bind(context).request(number).content_hash()]
            except (StepError, LanguageError) as problem:
                return ["ask", path, problem.code]
        case Note(event=event):
            return ["note", event.type, event.path, digest(event.data)]
        case Withdraw(path=path):
            return ["withdraw", path]
