"""What every store must keep true by itself, whoever calls it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from flowbuilder.audit.finding import Finding
from flowbuilder.audit.record import Record
from flowbuilder.model.events import EVENT_TYPES
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.lease_rules import EVENTS_AFTER_END, MAX_DEATHS

ENDS = {"execution_completed": "completed", "execution_failed": "failed", "execution_cancelled": "cancelled"}
"""The events that say how an execution ended, and the status that each means."""


def row_findings(record: Record) -> Iterator[Finding]:
    """What is wrong with the rows of one execution."""
    for invariant, path, message in (
        *_outcomes(record),
        *_events(record),
        *_reviews(record),
        *_end(record),
        *_effects(record),
    ):
        yield Finding(invariant=invariant, execution_id=record.execution.id, path=path, message=message)


Complaint = tuple[str, str, str]


def _outcomes(record: Record) -> Iterator[Complaint]:
    for path, times in Counter(outcome.path for outcome in record.outcomes).items():
        if times > 1:
            yield "I1", path, f"has {times} outcomes"
    for outcome in record.outcomes:
        if outcome.status not in ("completed", "failed"):
            yield "I1", outcome.path, f"has an outcome that is {outcome.status}, which is not final"


def _events(record: Record) -> Iterator[Complaint]:
    for expected, event in enumerate(record.events, start=1):
        if event.seq != expected:
            yield "I2", event.path, f"event {expected} is missing: the next one there is {event.seq}"
            break
        if event.type not in EVENT_TYPES:
            yield "I2", event.path, f"event {event.seq} is of the unknown type {event.type}"
    if not record.events or record.events[0].type != "execution_started":
        yield "I2", "", "does not begin with execution_started"
    for before, after in pairwise(record.events):
        if after.epoch < before.epoch:
            yield "I4", after.path, f"event {after.seq} was written in epoch {after.epoch}, after {before.epoch}"
    if record.events and record.events[-1].epoch > record.execution.epoch:
        yield "I4", "", f"has epoch {record.execution.epoch}, and an event of {record.events[-1].epoch}"


def _reviews(record: Record) -> Iterator[Complaint]:
    asked = Counter(event.data.get("review_id") for event in record.events if event.type == "review_opened")
    closed = Counter(
        event.data.get("review_id") for event in record.events if event.type in ("review_decided", "review_expired")
    )
    for review in record.reviews:
        decided = review.status == "decided"
        if asked[review.id] != 1:
            yield "I7", review.path, f"was asked {asked[review.id]} times by its events"
        if closed[review.id] != decided:
            yield "I7", review.path, f"is {review.status}, and was decided {closed[review.id]} times by its events"
        if (review.decision is not None) != decided or (review.path in record.decisions) != decided:
            yield "I7", review.path, f"is {review.status}, and its decision says otherwise"
        if review.decision is not None and review.decision.shown_hash != review.content_hash:
            yield "I7", review.path, "was decided for something else than what it shows"
        if review.content_hash != review.request.content_hash():
            yield "I7", review.path, "does not show what its hash says"
    for path, times in Counter(review.path for review in record.reviews).items():
        if times > 1:
            yield "I7", path, f"has {times} reviews"
    for path in record.decisions.keys() - {review.path for review in record.reviews}:
        yield "I7", path, "has a decision and no review"


def _end(record: Record) -> Iterator[Complaint]:
    execution = record.execution
    ended = execution.status in TERMINAL
    if ended != (execution.ended_at is not None):
        yield "I8", "", f"is {execution.status}, and ended_at says otherwise"
    if ended and (execution.holder or execution.lease_until or execution.ready_at or execution.control):
        yield "I8", "", f"is {execution.status}, and still held, ready or asked to do something"
    if ended and any(review.status == "open" for review in record.reviews):
        yield "I8", "", f"is {execution.status}, and a review of it is open"
    over = next((event for event in record.events if event.type in ENDS), None)
    if over is not None:
        if ENDS[over.type] != execution.status:
            yield "I8", "", f"is {execution.status}, and event {over.seq} says {over.type}"
        for event in record.events[over.seq :]:
            if event.type not in EVENTS_AFTER_END:
                yield "I8", event.path, f"event {event.seq} ({event.type}) follows the end, which is event {over.seq}"
    if (execution.holder is None) != (execution.lease_until is None):
        yield "I9", "", "has a holder without a lease, or a lease without a holder"
    if execution.status == "running" and execution.holder is None:
        yield "I9", "", "is running, and nobody holds it"
    if execution.deaths > MAX_DEATHS:
        yield "I12", "", f"has killed {execution.deaths} workers, and {MAX_DEATHS} are allowed"


def _effects(record: Record) -> Iterator[Complaint]:
    said = Counter((event.type, event.data.get("key")) for event in record.events if event.type.startswith("effect_"))
    for effect in record.effects:
        intents, refusals = said["effect_intended", effect.key], said["effect_refused", effect.key]
        if not intents:
            yield "I5", effect.path, f"effect {effect.key} has no intent among the events"
        if intents > refusals + 1:
            yield "I5", effect.path, f"effect {effect.key} was intended {intents} times"
        done = effect.status in ("done", "reverted")
        if said["effect_done", effect.key] != done:
            yield "I6", effect.path, f"effect {effect.key} is {effect.status}, and its events say otherwise"
        if done != (effect.receipt is not None):
            yield "I6", effect.path, f"effect {effect.key} is {effect.status}, and its receipt says otherwise"
