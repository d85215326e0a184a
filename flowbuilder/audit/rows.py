"""Invariants of one execution's rows, which every store maintains by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from flowbuilder.audit.snapshot import ExecutionSnapshot, Finding
from flowbuilder.model.events import EVENT_TYPES
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.lease_rules import EVENTS_AFTER_END, MAX_DEATHS

ENDS = {"execution_completed": "completed", "execution_failed": "failed", "execution_cancelled": "cancelled"}
"""The events that end an execution, with the status that each means."""


def row_findings(snapshot: ExecutionSnapshot) -> Iterator[Finding]:
    """The broken invariants among the rows of one execution."""
    for invariant, path, message in (
        *_outcomes(snapshot),
        *_events(snapshot),
        *_reviews(snapshot),
        *_end(snapshot),
        *_effects(snapshot),
    ):
        yield Finding(invariant=invariant, execution_id=snapshot.execution.id, path=path, message=message)


Broken = tuple[str, str, str]
"""The invariant, the path, and how it is broken."""


def _outcomes(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    for path, times in Counter(outcome.path for outcome in snapshot.outcomes).items():
        if times > 1:
            yield "I1", path, f"has {times} outcomes"
    for outcome in snapshot.outcomes:
        if outcome.status not in ("completed", "failed"):
            yield "I1", outcome.path, f"has an outcome that is {outcome.status}, which is not final"


def _events(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    for expected, event in enumerate(snapshot.events, start=1):
        if event.seq != expected:
            yield "I2", event.path, f"event {expected} is missing: the next one there is {event.seq}"
            break
        if event.type not in EVENT_TYPES:
            yield "I2", event.path, f"event {event.seq} is of the unknown type {event.type}"
    if not snapshot.events or snapshot.events[0].type != "execution_started":
        yield "I2", "", "does not begin with execution_started"
    for before, after in pairwise(snapshot.events):
        if after.epoch < before.epoch:
            yield "I4", after.path, f"event {after.seq} was written in epoch {after.epoch}, after {before.epoch}"
    if snapshot.events and snapshot.events[-1].epoch > snapshot.execution.epoch:
        yield "I4", "", f"has epoch {snapshot.execution.epoch}, and an event of {snapshot.events[-1].epoch}"


def _reviews(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    opened = Counter(event.data.get("review_id") for event in snapshot.events if event.type == "review_opened")
    closed = Counter(
        event.data.get("review_id") for event in snapshot.events if event.type in ("review_decided", "review_expired")
    )
    for review in snapshot.reviews:
        decided = not review.awaits_decision
        has_decision = review.decision is not None
        if opened[review.id] != 1:
            yield "I7", review.path, f"has {opened[review.id]} review_opened events"
        if closed[review.id] != decided:
            yield "I7", review.path, f"is {review.status}, and has {closed[review.id]} events that close it"
        if has_decision != (review.status == "decided") or (review.path in snapshot.decisions) != decided:
            yield "I7", review.path, f"is {review.status}, which contradicts its decision"
        if review.decision is not None and review.decision.shown_hash != review.content_hash:
            yield "I7", review.path, "was decided for other content than it shows"
        if review.content_hash != review.request.content_hash():
            yield "I7", review.path, "shows content that differs from its hash"
    for path, times in Counter(review.path for review in snapshot.reviews).items():
        if times > 1:
            yield "I7", path, f"has {times} reviews"
    for path in snapshot.decisions.keys() - {review.path for review in snapshot.reviews}:
        yield "I7", path, "has a decision and no review"


def _end(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    execution = snapshot.execution
    ended = execution.status in TERMINAL
    if ended != (execution.ended_at is not None):
        yield "I8", "", f"is {execution.status}, which contradicts its ended_at"
    if ended and (execution.holder or execution.lease_until or execution.ready_at or execution.control):
        yield "I8", "", f"is {execution.status}, and still has a holder, a ready_at or a control request"
    if ended and any(review.awaits_decision for review in snapshot.reviews):
        yield "I8", "", f"is {execution.status}, and a review of it is open"
    over = next((event for event in snapshot.events if event.type in ENDS), None)
    if over is not None:
        if ENDS[over.type] != execution.status:
            yield "I8", "", f"is {execution.status}, and event {over.seq} says {over.type}"
        for event in snapshot.events[over.seq :]:
            if event.type not in EVENTS_AFTER_END:
                yield "I8", event.path, f"event {event.seq} ({event.type}) follows the end, which is event {over.seq}"
    if (execution.holder is None) != (execution.lease_until is None):
        yield "I9", "", "has a holder without a lease, or a lease without a holder"
    if execution.status == "running" and execution.holder is None:
        yield "I9", "", "is running without a holder"
    if execution.deaths > MAX_DEATHS:
        yield "I12", "", f"has {execution.deaths} dead workers in a row, and {MAX_DEATHS} are allowed"


def _effects(snapshot: ExecutionSnapshot) -> Iterator[Broken]:
    counts = Counter(
        (event.type, event.data.get("key")) for event in snapshot.events if event.type.startswith("effect_")
    )
    for effect in snapshot.effects:
        intents, refusals = counts["effect_intended", effect.key], counts["effect_refused", effect.key]
        if not intents:
            yield "I5", effect.path, f"effect {effect.key} has no intent among the events"
        if intents > refusals + 1:
            yield "I5", effect.path, f"effect {effect.key} was intended {intents} times"
        reverted_in_doubt = effect.status == "reverted" and not counts["effect_done", effect.key]
        done = effect.status in ("done", "reverted") and not reverted_in_doubt
        if counts["effect_done", effect.key] != done:
            yield "I6", effect.path, f"effect {effect.key} is {effect.status}, which contradicts its events"
        if done != (effect.receipt is not None):
            yield "I6", effect.path, f"effect {effect.key} is {effect.status}, which contradicts its receipt"
