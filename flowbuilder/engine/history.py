"""What the store remembers of an execution: its walk so far, and what earlier drives have written down beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowbuilder.engine.review_client import open_reviews
from flowbuilder.errors import Damaged
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution
from flowbuilder.model.review_rules import content_hash
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Store
from flowbuilder.steps.step import ExecutionInfo
from flowbuilder.throttling.context import Waited
from flowbuilder.values import digest
from flowbuilder.walk.walk import Walk


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A step run that is to be tried again: the attempts that are behind it, and when the next one is due.

    `waited` where it was sent away to wait for its turn, which is no attempt.
    """

    attempt: int
    due: datetime
    waited: Waited | None = None


@dataclass(kw_only=True, slots=True)
class Recollection:
    """`noted` are the events that are there, by type and path; `tried` the step runs between two attempts, by path."""

    noted: set[tuple[str, str]] = field(default_factory=set)
    tried: dict[str, Tried] = field(default_factory=dict)


def recollect(store: Store, execution_id: str) -> Recollection:
    """Read the whole timeline of an execution."""
    found = Recollection()
    after = 0
    while events := store.events(execution_id, after=after):
        for event in events:
            found.noted.add((event.type, event.path))
            if event.type == "step_retrying":
                delay = timedelta(seconds=float(event.data.get("delay_seconds", 0)))
                found.tried[event.path] = Tried(attempt=int(event.data.get("attempt", 1)), due=event.at + delay)
            elif event.type == "step_throttled":
                found.tried[event.path] = sent_away(event, found.tried.get(event.path))
            elif event.type in ("step_completed", "step_failed"):
                found.tried.pop(event.path, None)
        after = events[-1].seq
    return found


def last_holder(store: Store, execution_id: str) -> str | None:
    """Who had the execution last, as far as its timeline says."""
    found: str | None = None
    after = 0
    while events := store.events(execution_id, after=after):
        found = next((str(event.data["holder"]) for event in reversed(events) if "holder" in event.data), found)
        after = events[-1].seq
    return found


def sent_away(event: Event, before: Tried | None) -> Tried:
    """What a `step_throttled` event says: when it is its turn, and since when it has waited."""
    waited = before.waited if before is not None else None
    return Tried(
        attempt=int(event.data.get("attempt", 1)) - 1,
        due=datetime.fromisoformat(event.data["until"]),
        waited=Waited(
            since=datetime.fromisoformat(event.data["since"]),
            times=waited.times + 1 if waited is not None else 1,
            connection=str(event.data.get("connection", "")),
            reservation=event.data.get("turn"),
        ),
    )


def info_of(execution: Execution) -> ExecutionInfo:
    """What templates see as `execution`: the same in every attempt to go on."""
    started = execution.started_at or execution.created_at
    return ExecutionInfo(
        id=execution.id, workflow=execution.workflow, version=execution.version, started_at=started.isoformat()
    )


def walk_of(store: Store, plan: Plan, execution: Execution) -> Walk:
    """The walk of an execution, as far as the store remembers it."""
    return Walk(
        plan,
        inputs=execution.inputs,
        site=execution.site_record,
        execution=info_of(execution),
        outcomes=store.outcomes(execution.id),
        decisions=store.decisions(execution.id),
        asked=[review.path for review in open_reviews(store, execution.id)],
    )


def ensure_sound(store: Store, execution: Execution) -> None:
    """`Damaged` when a row cannot be read, or says something else than the timeline that was written with it."""
    whose = f"of execution {execution.id}"
    if execution.damaged:
        raise Damaged(execution.damaged)
    hashes: dict[str, object] = {}
    after = 0
    while events := store.events(execution.id, after=after):
        for event in events:
            if event.type == "execution_started" and event.data.get("inputs") != execution.inputs:
                raise Damaged(
                    f"the inputs {whose} are not those that it began with: execution_values was changed since"
                )
            if event.type == "step_completed":
                hashes[event.path] = event.data.get("output_hash")
        after = events[-1].seq
    for outcome in store.outcomes(execution.id):
        said = hashes.get(outcome.path)
        if outcome.status == "completed" and said is not None and said != digest(outcome.output):
            raise Damaged(f"the output of {outcome.path} {whose} is not what the step gave: its row was changed since")
    for path, decision in store.decisions(execution.id).items():
        if decision.approved_hash is not None and decision.approved_hash != content_hash(decision.approved):
            raise Damaged(f"what was approved in {path} {whose} is not what its row says now: it was changed since")
