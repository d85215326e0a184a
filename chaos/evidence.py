"""The evidence of a run: the store, the target's log, the injected faults, and the reviewers' decisions.

Plain data: the verdict is a pure function of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.faults import Injection
from chaos.load import Start
from chaos.options import Options
from chaos.processes import ProcessExit
from chaos.reviewers import DecisionAttempt
from chaos.target_service import TargetCall
from flowbuilder.audit import Finding
from flowbuilder.engine.history import iter_events
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Review
from flowbuilder.ports import ReviewFilter, Store


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All rows of one execution."""

    execution: Execution
    events: tuple[Event, ...]
    effects: tuple[Effect, ...]
    reviews: tuple[Review, ...]

    def of(self, *kinds: str, path: str | None = None) -> list[Event]:
        """The events of the execution that have one of these types."""
        return [event for event in self.events if event.type in kinds and path in (None, event.path)]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All evidence of a run. `wanted` are the faults that must have had an effect; `settled_seconds` is the time from
    the last fault until all executions had ended, None when some did not end."""

    options: Options
    wanted: tuple[str, ...]
    injections: tuple[Injection, ...]
    starts: tuple[Start, ...]
    traces: tuple[Trace, ...]
    calls: tuple[TargetCall, ...]
    pages: dict[str, str]
    """The text of the site's pages, by the last segment of their URL."""
    decision_attempts: tuple[DecisionAttempt, ...]
    resumed: tuple[str, ...]
    """The executions that the operator resumed."""
    exits: tuple[ProcessExit, ...]
    """Exits of worker processes."""
    findings: tuple[Finding, ...]
    settled_seconds: float | None

    def injected(self, fault: str) -> list[Injection]:
        """The injections of a fault that had an effect."""
        return [item for item in self.injections if item.fault == fault and item.mattered]


def trace(store: Store, execution: Execution) -> Trace:
    """Read one execution."""
    return Trace(
        execution=execution,
        events=tuple(iter_events(store, execution.id)),
        effects=tuple(store.effects(execution.id)),
        reviews=_reviews(store, execution.id),
    )


def _reviews(store: Store, execution_id: str) -> tuple[Review, ...]:
    found: Sequence[Review] = store.reviews(ReviewFilter(execution_id=execution_id, status=None), limit=200).reviews
    return tuple(found)
