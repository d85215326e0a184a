"""All that a store remembers of one execution, read so that it fits together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowbuilder.engine.history import iter_events
from flowbuilder.engine.review_client import all_reviews
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import Decision, Review
from flowbuilder.ports import ReviewFilter, Store

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """One execution and everything that belongs to it."""

    execution: Execution
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...]
    decisions: Mapping[str, Decision]
    reviews: tuple[Review, ...]
    effects: tuple[Effect, ...]


def record_of(store: Store, execution_id: str) -> Record | None:
    """The record of one execution; None where it changes faster than it can be read."""
    for _ in range(_TRIES):
        before = store.execution(execution_id)
        events = tuple(iter_events(store, execution_id))
        record = Record(
            execution=before,
            outcomes=tuple(store.outcomes(execution_id)),
            decisions=store.decisions(execution_id),
            reviews=all_reviews(store, ReviewFilter(execution_id=execution_id, status=None)),
            effects=tuple(store.effects(execution_id)),
            events=events,
        )
        last = events[-1].seq if events else 0
        if store.execution(execution_id) == before and not store.events(execution_id, after=last, limit=1):
            return record
    return None
