"""What must be true of an execution that was driven by a walk."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from flowbuilder.audit.finding import Finding
from flowbuilder.audit.record import Record
from flowbuilder.audit.rows import ENDS
from flowbuilder.engine.history import info_of
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import TERMINAL
from flowbuilder.plan.nodes import Plan
from flowbuilder.values import digest
from flowbuilder.walk.commands import Start
from flowbuilder.walk.walk import Walk

SHUFFLES = 3
"""In how many orders the outcomes and decisions are told to a walk."""


def walk_findings(record: Record, plan: Plan | FlowbuilderError) -> Iterator[Finding]:
    """What is wrong with an execution as the walk of its plan sees it. An error is why there is no plan."""
    for invariant, path, message in (*_telling(record), *_waiting(record), *_plan(record, plan)):
        yield Finding(invariant=invariant, execution_id=record.execution.id, path=path, message=message)


Complaint = tuple[str, str, str]


def _telling(record: Record) -> Iterator[Complaint]:
    """I3: the events tell the same as the rows."""
    told = {"completed": "step_completed", "failed": "step_failed"}
    events: Counter[tuple[str, str]] = Counter((event.type, event.path) for event in record.events)
    rows = Counter((told.get(outcome.status, ""), outcome.path) for outcome in record.outcomes)
    for (kind, path), times in rows.items():
        if events[kind, path] != times:
            yield "I3", path, f"has an outcome, and {events[kind, path]} events {kind}"
    for (kind, path), _ in events.items():
        if kind in told.values() and not rows[kind, path]:
            yield "I3", path, f"has an event {kind} and no such outcome"
    outputs = {outcome.path: outcome.output for outcome in record.outcomes}
    for event in record.events:
        hashed = event.data.get("output_hash")
        if event.type == "step_completed" and hashed and hashed != digest(outputs.get(event.path)):
            yield "I3", event.path, "has another output than the one that its event hashed"
    ends = [event.type for event in record.events if event.type in ENDS]
    if record.execution.status in TERMINAL and not ends:
        yield "I3", "", f"is {record.execution.status}, and no event says so"
    started = record.events[0].data.get("digest") if record.events else None
    if started != record.execution.digest:
        yield "I10", "", "has another plan than the one that it began with"


def _waiting(record: Record) -> Iterator[Complaint]:
    """I9: what nobody holds waits for a person, for a time, or for the reconciler."""
    execution = record.execution
    if execution.holder is not None or execution.ready_at is not None:
        return
    if execution.status == "queued":
        yield "I9", "", "is queued, and nothing will wake it"
    if execution.status == "waiting" and not any(review.status == "open" for review in record.reviews):
        yield "I9", "", "is waiting, and no review is open and no time is set"


def _plan(record: Record, plan: Plan | FlowbuilderError) -> Iterator[Complaint]:
    execution = record.execution
    if isinstance(plan, FlowbuilderError):
        yield "I10", "", f"has no plan any more: {plan}"
        return
    if plan.digest != execution.digest:
        yield "I10", "", "began with another plan than its version compiles to now"
        return
    proposed = set()
    shuffle = random.Random(execution.id)
    for _ in range(SHUFFLES):
        outcomes, decisions = list(record.outcomes), list(record.decisions.items())
        shuffle.shuffle(outcomes)
        shuffle.shuffle(decisions)
        walk = Walk(
            plan,
            inputs=execution.inputs,
            site=execution.site_record,
            execution=info_of(execution),
            outcomes=outcomes,
            decisions=dict(decisions),
            asked=[review.path for review in record.reviews if review.status == "open"],
        )
        paths = frozenset(action.path for action in walk.advance() if isinstance(action, Start))
        proposed.add(paths)
        for path in sorted(paths & {outcome.path for outcome in outcomes}):
            yield "I11", path, "has its outcome, and the walk would run it again"
    if len(proposed) > 1:
        yield "I11", "", "goes on differently when the same things become known in another order"
