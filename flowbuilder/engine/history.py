"""Replay: the state of an execution, rebuilt from its stored history when a worker takes it up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.engine.retry_queue import PendingRetry
from flowbuilder.engine.review_client import all_reviews, open_reviews
from flowbuilder.errors import Damaged
from flowbuilder.model.event_data import (
    ExecutionStarted,
    StepCompleted,
    StepFailed,
    StepRetrying,
    StepThrottled,
    data_of,
)
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_rules import content_hash
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.sensitive import values_in
from flowbuilder.steps.step import ExecutionInfo
from flowbuilder.throttling.context import ThrottleWait
from flowbuilder.values import JsonObject, digest, well_formed_value
from flowbuilder.walk.commands import StepView
from flowbuilder.walk.walk import Walk


@dataclass(kw_only=True, slots=True)
class History:
    """The recorded history of one execution. `recorded` are the events by type and path, `retries` the step runs
    between two attempts by StepPath; `inputs` and `output_hashes`, also by StepPath, are those in the timeline, and
    `sensitive` the sensitive inputs."""

    outcomes: Sequence[Outcome] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    reviews: Sequence[Review] = ()
    recorded: set[tuple[str, str]] = field(default_factory=set)
    retries: dict[str, PendingRetry] = field(default_factory=dict)
    inputs: JsonObject | None = None
    sensitive: JsonObject = field(default_factory=dict)
    sensitive_hash: str | None = None
    output_hashes: dict[str, str] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Fold the next event of the timeline into the history."""
        self.recorded.add((event.type, event.path))
        match data_of(event):
            case ExecutionStarted(inputs=inputs, sensitive_hash=sensitive_hash):
                self.inputs, self.sensitive_hash = inputs, sensitive_hash
            case StepRetrying(attempt=attempt, delay_seconds=delay):
                self.retries[event.path] = PendingRetry(attempts=attempt, due=event.at + timedelta(seconds=delay))
            case StepThrottled() as throttled:
                self.retries[event.path] = _throttled(throttled, self.retries.get(event.path))
            case StepCompleted(output_hash=output_hash):
                self.retries.pop(event.path, None)
                self.output_hashes[event.path] = output_hash
            case StepFailed():
                self.retries.pop(event.path, None)


def load_history(store: Store, execution: Execution) -> History:
    """Read everything that the store holds of an execution, once, and verify it. `Damaged` when a row cannot be read,
    or was changed after it was written."""
    if execution.damaged:
        raise Damaged(execution.damaged)
    history = History(
        outcomes=store.outcomes(execution.id),
        decisions=store.decisions(execution.id),
        reviews=all_reviews(store, ReviewFilter(execution_id=execution.id, status=None)),
    )
    for event in iter_events(store, execution.id):
        history.apply(event)
    of = f"of execution {execution.id}"
    # an event of PostgreSQL holds no NUL
    started = ("execution_started", "") in history.recorded
    if started and well_formed_value(history.inputs) != well_formed_value(execution.inputs):
        raise Damaged(f"the inputs {of} are not those that it started with: execution_values was changed since")
    record = store.sensitive(execution.id)
    if history.sensitive_hash != (None if record is None else digest(record)):
        raise Damaged(f"the sensitive inputs {of} are not those that it started with: sensitive_inputs was changed")
    history.sensitive = values_in(record)
    for outcome in history.outcomes:
        recorded = history.output_hashes.get(outcome.path)
        if outcome.status == "completed" and recorded is not None and recorded != digest(outcome.output):
            raise Damaged(f"the output of {outcome.path} {of} is not what the step returned: its row was changed since")
    for path, decision in history.decisions.items():
        if decision.approved_hash is not None and decision.approved_hash != content_hash(decision.approved):
            raise Damaged(f"the content approved in {path} {of} is not what was approved: its row was changed since")
    return history


def iter_events(store: Store, execution_id: str, *, after: int = 0) -> Iterator[Event]:
    """The timeline of an execution after a sequence number, read page by page."""
    while page := store.events(execution_id, after=after):
        yield from page
        after = page[-1].seq


def last_holder(store: Store, execution_id: str) -> str | None:
    """The last holder of the execution's lease that its timeline names."""
    holder: str | None = None
    for event in iter_events(store, execution_id):
        holder = str(event.data["holder"]) if "holder" in event.data else holder
    return holder


def info_of(execution: Execution) -> ExecutionInfo:
    """The record that templates see as `execution`: the same whenever the execution is resumed."""
    started = execution.started_at or execution.created_at
    return ExecutionInfo(
        id=execution.id, workflow=execution.workflow, version=execution.version, started_at=started.isoformat()
    )


def walk_of(
    plan: Plan,
    execution: Execution,
    *,
    sensitive: JsonObject,
    outcomes: Iterable[Outcome],
    decisions: Mapping[str, Decision],
    reviews: Iterable[Review],
    asked: Iterable[str] = (),
) -> Walk:
    """A walk of an execution from its sensitive inputs and these outcomes, decisions and reviews (`asked`: the paths of
    further ones). It has not advanced yet."""
    return Walk(
        plan,
        inputs={**execution.inputs, **sensitive},
        site=execution.site_record,
        execution=info_of(execution),
        outcomes=outcomes,
        decisions=decisions,
        asked=[*asked, *(review.path for review in reviews if review.awaits_decision)],
    )


def step_views(store: Store, plan: Plan, execution: Execution) -> tuple[StepView, ...]:
    """The status of every step, by replaying the stored history, without sensitive values. A step that runs now is
    `running`."""
    sensitive = values_in(store.sensitive(execution.id))
    walk = walk_of(
        plan,
        execution,
        sensitive=sensitive,
        outcomes=store.outcomes(execution.id),
        decisions=store.decisions(execution.id),
        reviews=[
            *open_reviews(store, execution.id),
            *(review for review in store.held_reviews() if review.execution_id == execution.id),
        ],
    )
    walk.advance()
    secrets = KnownSecrets()
    secrets.add_sensitive(sensitive)
    for what, values in walk.take_sensitive():
        secrets.add_sensitive(values, what)
    return tuple(_shown(view, secrets) for view in walk.step_views())


def _shown(view: StepView, secrets: KnownSecrets) -> StepView:
    shown: Any = secrets.value([view.output, view.error])
    inside = tuple(_shown(inner, secrets) for inner in view.inside)
    return replace(view, output=shown[0], error=shown[1], inside=inside)


def _throttled(data: StepThrottled, before: PendingRetry | None) -> PendingRetry:
    waited = before.throttled if before is not None else None
    return PendingRetry(
        attempts=data.attempt - 1,
        due=datetime.fromisoformat(data.until),
        throttled=ThrottleWait(
            since=datetime.fromisoformat(data.since),
            times=waited.times + 1 if waited is not None else 1,
            connection=data.connection,
            reservation=data.turn,
        ),
    )
