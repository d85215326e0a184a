"""What the store in memory remembers, and the lock around it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import RLock
from typing import TypeVar

from uuid_utils.compat import uuid7

from flowbuilder.errors import NotFound
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import TERMINAL, Execution, Lease, Outcome, WorkflowVersion
from flowbuilder.model.lease_rules import lost_lease
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_rules import decided_event, withdrawal
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import Clock
from flowbuilder.throttling.limiter import LimiterState
from flowbuilder.values import JsonObject

T = TypeVar("T")


def copied(record: T) -> T:
    """A copy that shares no mutable value with the original, as a database's answer would."""
    return deepcopy(record)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A decision, and the epoch of its execution when it was made."""

    decision: Decision
    epoch: int


@dataclass
class Run:
    """All that belongs to one execution. `wished_by` is who asked for what `control` says."""

    execution: Execution
    wished_by: str = ""
    events: list[Event] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    decisions: dict[str, Made] = field(default_factory=dict)
    answers: dict[str, JsonObject] = field(default_factory=dict)

    def write(self, at: datetime, events: Iterable[NewEvent]) -> None:
        """Append events with the next numbers."""
        checked = [(event, storable(event.data, "event")) for event in events]
        for event, data in checked:
            self.events.append(
                Event(
                    execution_id=self.execution.id,
                    seq=len(self.events) + 1,
                    at=at,
                    type=event.type,
                    path=event.path,
                    data=data,  # type: ignore[arg-type]
                    epoch=self.execution.epoch,
                )
            )


class Memory:
    """The rows. Whoever reads or writes holds `lock`, and checks everything before the first change."""

    def __init__(self, clock: Clock | None) -> None:
        self.lock = RLock()
        self._now = _host_time if clock is None else clock.now
        self.install = str(uuid7())
        self.versions: dict[str, list[WorkflowVersion]] = {}
        self.archived: set[str] = set()
        self.sites: dict[str, JsonObject] = {}
        self.runs: dict[str, Run] = {}
        self.reviews: dict[str, Review] = {}
        self.effects: dict[str, Effect] = {}
        self.limiter_states: dict[str, LimiterState] = {}
        self.starts: dict[str, tuple[str, str | None]] = {}

    def now(self) -> datetime:
        """The store's clock."""
        return self._now()

    def run(self, execution_id: str) -> Run:
        """An execution's rows; `NotFound`."""
        try:
            return self.runs[execution_id]
        except KeyError:
            raise NotFound(f"there is no execution {execution_id}") from None

    def fenced(self, lease: Lease) -> Run:
        """The rows of the execution that the lease is for; `LostLease` when it is no longer the row's."""
        run = self.runs.get(lease.execution_id)
        if run is None or run.execution.epoch != lease.epoch or run.execution.status in TERMINAL:
            raise lost_lease(lease)
        return run

    def change(self, run: Run, **values: object) -> None:
        """Give the execution new values."""
        run.execution = replace(run.execution, **values)  # type: ignore[arg-type]

    def close(self, run: Run, review: Review, decision: Decision, event: NewEvent) -> Review:
        """Decide a review: the decision, its event, and the execution's turn to go on."""
        closed = replace(review, status="decided", version=review.version + 1, decision=decision)
        self.reviews[review.id] = closed
        run.decisions[review.path] = Made(decision=decision, epoch=run.execution.epoch)
        run.write(decision.at, [event])
        return closed

    def withdraw_open(self, run: Run, now: datetime) -> None:
        """Close the open reviews of an execution that ends."""
        for review in sorted(self.reviews.values(), key=lambda item: item.id):
            if review.execution_id == run.execution.id and review.status == "open":
                decision = withdrawal(review, now, comment="the execution has ended")
                self.close(run, review, decision, decided_event(review, decision))


class Repository:
    """One topic of the store: its methods work on the shared memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory


def _host_time() -> datetime:
    return datetime.now(UTC)
