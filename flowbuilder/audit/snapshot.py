"""Input and output of the audit: a consistent snapshot of an execution, and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flowbuilder.engine.history import iter_events
from flowbuilder.engine.review_client import all_reviews
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import Decision, Review
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.values import JsonObject

_TRIES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A broken invariant (`I1` to `I13`), where and how. Without an execution it concerns the whole store."""

    invariant: str
    message: str
    execution_id: str = ""
    path: str = ""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.execution_id, self.path) if part)
        return f"{self.invariant} {place}: {self.message}" if place else f"{self.invariant}: {self.message}"

    def record(self) -> JsonObject:
        """The JSON form."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ExecutionSnapshot:
    """An execution with its whole history, as of one moment."""

    execution: Execution
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...]
    decisions: Mapping[str, Decision]
    reviews: tuple[Review, ...]
    effects: tuple[Effect, ...]
    sensitive: JsonObject | None
    """The record of the sensitive inputs."""


def take_snapshot(store: Store, execution_id: str) -> ExecutionSnapshot | None:
    """The snapshot of one execution; None when it changes at every try."""
    for _ in range(_TRIES):
        before = store.execution(execution_id)
        events = tuple(iter_events(store, execution_id))
        snapshot = ExecutionSnapshot(
            execution=before,
            outcomes=tuple(store.outcomes(execution_id)),
            decisions=store.decisions(execution_id),
            reviews=all_reviews(store, ReviewFilter(execution_id=execution_id, status=None)),
            effects=tuple(store.effects(execution_id)),
            events=events,
            sensitive=store.sensitive(execution_id),
        )
        last = events[-1].seq if events else 0
        if store.execution(execution_id) == before and not store.events(execution_id, after=last, limit=1):
            return snapshot
    return None
