"""The data of the in-memory store, and its lock."""

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
from flowbuilder.model.review_draft import Draft, Presence
from flowbuilder.model.review_events import decided_event
from flowbuilder.model.review_rules import withdrawal
from flowbuilder.model.reviewers import Reviewers, held_without_author, person, reviewers_of
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import Clock
from flowbuilder.ports.engine import StepMemo
from flowbuilder.throttling.limiter import LimiterState
from flowbuilder.values import JsonObject

T = TypeVar("T")


def copied(record: T) -> T:
    """A copy that shares no mutable value with the original, as a row read from a database."""
    return deepcopy(record)


@dataclass(frozen=True, kw_only=True)
class DecisionAtEpoch:
    """A decision, and the epoch of its execution when it was made."""

    decision: Decision
    epoch: int


@dataclass
class StoredExecution:
    """An execution with its history. `control_by` is the person who made the pending control request."""

    execution: Execution
    control_by: str = ""
    events: list[Event] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    decisions: dict[str, DecisionAtEpoch] = field(default_factory=dict)
    step_memos: dict[str, tuple[str, StepMemo]] = field(default_factory=dict)
    """By key: the path of the step run, and the answer."""

    def write_events(self, at: datetime, events: Iterable[NewEvent]) -> None:
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
    """All records. Every method of the store holds `lock`, and checks everything before its first change."""

    def __init__(self, clock: Clock | None) -> None:
        self.lock = RLock()
        self._now = _utc_now if clock is None else clock.now
        self.install_id = str(uuid7())
        self.versions: dict[str, list[WorkflowVersion]] = {}
        self.archived: set[str] = set()
        self.sites: dict[str, JsonObject] = {}
        self.executions: dict[str, StoredExecution] = {}
        self.reviews: dict[str, Review] = {}
        self.reviewers: dict[str, Reviewers] = {}
        self.effects: dict[str, Effect] = {}
        self.limiter_states: dict[str, LimiterState] = {}
        self.sensitive: dict[str, JsonObject] = {}
        self.idempotency_keys: dict[str, tuple[str, str | None]] = {}
        self.drafts: dict[tuple[str, str], Draft] = {}
        self.drafts_saved_at: dict[tuple[str, str], datetime] = {}
        self.windows: dict[str, tuple[str, Presence, datetime]] = {}

    def now(self) -> datetime:
        """The time of the store's clock."""
        return self._now()

    def stored(self, execution_id: str) -> StoredExecution:
        """An execution with its history; `NotFound`."""
        try:
            return self.executions[execution_id]
        except KeyError:
            raise NotFound(f"there is no execution {execution_id}") from None

    def fence(self, lease: Lease) -> StoredExecution:
        """The lease's execution; `LostLease` when the lease is no longer the execution's."""
        stored = self.executions.get(lease.execution_id)
        if stored is None or stored.execution.epoch != lease.epoch or stored.execution.status in TERMINAL:
            raise lost_lease(lease)
        return stored

    def update_execution(self, stored: StoredExecution, **values: object) -> None:
        """Update fields of the execution."""
        stored.execution = replace(stored.execution, **values)  # type: ignore[arg-type]

    def reviewers_now(self, review: Review) -> Reviewers:
        """Who may decide a review, by the present record of its site; by that of its execution if it is not stored."""
        record = self.sites.get(review.site or "")
        if record is None:
            record = self.stored(review.execution_id).execution.site_record
        assign = review.request.assign
        return held_without_author(reviewers_of(assign, record), assign, self.author_of(review))

    def author_of(self, review: Review) -> str:
        """Who pushed the version of the workflow that the review's execution runs."""
        return self.versions[review.workflow][self.stored(review.execution_id).execution.version - 1].author

    def close_review(self, stored: StoredExecution, review: Review, decision: Decision, event: NewEvent) -> Review:
        """Decide an open review: the decision and its event."""
        closed = self.hold_review(review, decision)
        self.drafts.pop((review.id, person(decision.by)), None)
        stored.decisions[review.path] = DecisionAtEpoch(decision=decision, epoch=stored.execution.epoch)
        stored.write_events(decision.at, [event])
        return closed

    def hold_review(self, review: Review, decision: Decision) -> Review:
        """Close an open review; as long as the decision is held, the execution has no decision."""
        closed = replace(review, status="decided", version=review.version + 1, decision=decision)
        self.reviews[review.id] = closed
        return closed

    def apply_held(self, stored: StoredExecution, review: Review, now: datetime) -> Review:
        """Make the held decision of a review final, with its event."""
        assert review.decision is not None
        decision = replace(review.decision, held_until=None)
        final = self.reviews[review.id] = replace(review, decision=decision)
        self.drafts.pop((review.id, person(decision.by)), None)
        stored.decisions[review.path] = DecisionAtEpoch(decision=decision, epoch=stored.execution.epoch)
        stored.write_events(now, [decided_event(review, decision)])
        return final

    def withdraw_open(self, stored: StoredExecution, now: datetime) -> None:
        """Close the open reviews of an execution that ends, and make its held decisions final."""
        for review in sorted(self.reviews.values(), key=lambda item: item.id):
            if review.execution_id != stored.execution.id or not review.awaits_decision:
                continue
            if review.status == "decided":
                self.apply_held(stored, review, now)
                continue
            decision = withdrawal(review, now, comment="the execution has ended")
            self.close_review(stored, review, decision, decided_event(review, decision))


class Repository:
    """Base class of the store's repositories, which share one `Memory`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory


def _utc_now() -> datetime:
    return datetime.now(UTC)
