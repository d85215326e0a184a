"""Invariants of an execution that involve its plan: the walk of its plan must agree with its rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from flowbuilder.audit.rows import ENDS, Broken
from flowbuilder.audit.snapshot import ExecutionSnapshot, Finding
from flowbuilder.engine.history import walk_of
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import TERMINAL
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports.sensitive import values_in
from flowbuilder.values import digest
from flowbuilder.walk.commands import Start

SHUFFLES = 3
"""In how many random orders the outcomes and decisions are given to a walk."""


def walk_findings(snapshot: ExecutionSnapshot, plan: Plan | FlowbuilderError) -> Iterator[Finding]:
    """The broken invariants of one execution. `plan` is an error when the plan cannot be made."""
    for invariant, path, message in (*_events(snapshot), *_waiting(snapshot), *_plan(snapshot, plan)):
        yield Finding(invariant=invariant, execution_id=snapshot.execution.id, path=path, message=message)


def _events(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    """I3: the events agree with the rows."""
    event_types = {"completed": "step_completed", "failed": "step_failed"}
    events: Counter[tuple[str, str]] = Counter((event.type, event.path) for event in snapshot.events)
    rows = Counter((event_types.get(outcome.status, ""), outcome.path) for outcome in snapshot.outcomes)
    for (kind, path), times in rows.items():
        if events[kind, path] != times:
            yield "I3", path, f"has an outcome, and {events[kind, path]} events {kind}"
    for (kind, path), _ in events.items():
        if kind in event_types.values() and not rows[kind, path]:
            yield "I3", path, f"has an event {kind} and no such outcome"
    outputs = {outcome.path: outcome.output for outcome in snapshot.outcomes}
    for event in snapshot.events:
        hashed = event.data.get("output_hash")
        if event.type == "step_completed" and hashed and hashed != digest(outputs.get(event.path)):
            yield "I3", event.path, "has another output than its event's hash says"
    ends = [event.type for event in snapshot.events if event.type in ENDS]
    if snapshot.execution.status in TERMINAL and not ends:
        yield "I3", "", f"is {snapshot.execution.status}, without an event that ends it"
    started = snapshot.events[0].data.get("digest") if snapshot.events else None
    if started != snapshot.execution.digest:
        yield "I10", "", "has another plan than the one it started with"
    hashed = snapshot.events[0].data.get("sensitive_hash") if snapshot.events else None
    if hashed != (None if snapshot.sensitive is None else digest(snapshot.sensitive)):
        yield "I10", "", "has other sensitive inputs than those it started with"


def _waiting(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    """I9: an execution without a holder waits for a reviewer, a time, or the reconciler."""
    execution = snapshot.execution
    if execution.holder is not None or execution.ready_at is not None:
        return
    if execution.status == "queued":
        yield "I9", "", "is queued without a ready_at: no worker will claim it"
    if execution.status == "waiting" and not any(review.awaits_decision for review in snapshot.reviews):
        yield "I9", "", "is waiting without an open review or a ready_at"


def _plan(snapshot: ExecutionSnapshot, plan: Plan | FlowbuilderError) -> Iterator[Broken]:
    execution = snapshot.execution
    if isinstance(plan, FlowbuilderError):
        yield "I10", "", f"has no plan: {plan}"
        return
    if plan.digest != execution.digest:
        yield "I10", "", "started with another plan than its version compiles to now"
        return
    proposed = set()
    shuffle = random.Random(execution.id)
    for _ in range(SHUFFLES):
        outcomes, decisions = list(snapshot.outcomes), list(snapshot.decisions.items())
        shuffle.shuffle(outcomes)
        shuffle.shuffle(decisions)
        walk = walk_of(
            plan,
            execution,
            sensitive=values_in(snapshot.sensitive),
            outcomes=outcomes,
            decisions=dict(decisions),
            reviews=snapshot.reviews,
        )
        paths = frozenset(action.path for action in walk.advance() if isinstance(action, Start))
        proposed.add(paths)
        for path in sorted(paths & {outcome.path for outcome in outcomes}):
            yield "I11", path, "has an outcome, and the walk would run it again"
    if len(proposed) > 1:
        yield "I11", "", "continues differently when its outcomes and decisions come in another order"
