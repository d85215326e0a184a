"""What is remembered: the store, and how it is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from flowbuilder.model.effect import Effect, Ending, Intent
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import Control, Execution, Lease, Outcome, Status, WorkflowSummary, WorkflowVersion
from flowbuilder.model.review import Decision, Review, ReviewPage, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports.throttle import LimiterStore
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list; None means any. Newest first."""

    workflow: str | None = None
    site: str | None = None
    statuses: frozenset[Status] | None = None
    account: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewFilter:
    """Which reviews to list; None means any."""

    workflow: str | None = None
    site: str | None = None
    status: Literal["open", "decided"] | None = "open"
    execution_id: str | None = None
    assignee: str | None = None
    text: str | None = None
    account: str | None = None


class Store(LimiterStore, Protocol):
    """The record of everything. Synchronous; each method is one transaction; safe to call from several threads.

    Writes for an execution take the worker's `Lease` and raise `LostLease` when its epoch is no longer the row's.
    Terminal statuses are absorbing. Times come from the store's own clock unless given.
    """

    # workflows
    def save_version(
        self, *, name: str, title: str, document: JsonObject, source: str, digest: str, author: str = ""
    ) -> WorkflowVersion:
        """A new draft; the latest version itself when its digest is the same and it is not archived."""

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish a draft (default: the latest); the version published before becomes archived."""

    def archive(self, name: str) -> None: ...

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version. `NotFound`."""

    def latest_version(self, name: str) -> WorkflowVersion: ...

    def versions(self, name: str) -> Sequence[WorkflowVersion]: ...

    def workflows(self, *, account: str | None = None, include_archived: bool = False) -> Sequence[WorkflowSummary]: ...

    # sites
    def save_site(self, name: str, record: JsonObject) -> None: ...

    def site(self, name: str) -> JsonObject: ...

    def sites(self) -> Sequence[JsonObject]: ...

    # executions
    def create_execution(self, execution: Execution) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id is there already."""

    def execution(self, execution_id: str) -> Execution: ...

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen (keyset)."""

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1.

        `Conflict` while another's is unexpired, `Refused` when the execution has ended. Taking over an expired lease
        counts a death and writes `worker_lost`.
        """

    def renew(self, lease: Lease, ttl: timedelta) -> None: ...

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out; nothing where another
        has it by now."""

    def outcomes(self, execution_id: str) -> Sequence[Outcome]: ...

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events in one transaction. One final outcome per path: a second one is `Conflict`."""

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None: ...

    def settle(
        self,
        lease: Lease,
        status: Status,
        *,
        events: Sequence[NewEvent],
        outputs: Json = None,
        error: JsonObject | None = None,
        progress: JsonObject | None = None,
        ready_at: datetime | None = None,
    ) -> Execution:
        """Set the status, end the lease, write the events: how a worker lets go of an execution. Checks transitions.

        Settling as `waiting` while a decision that the worker has not seen is there already sets `ready_at` to now."""

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Note that a person asks for pause or cancel. One that nobody holds is paused or cancelled at once, with its
        open reviews withdrawn when cancelled; None takes back a pause: status queued, `ready_at` now."""

    def control(self, execution_id: str) -> Control | None: ...

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Those that should be running and that nobody holds: `ready_at` is past, or their lease ran out."""

    def listen(self, timeout: float, stop: threading.Event | None = None) -> Iterator[str]:
        """Ids of executions that have become ready, as they do, for at most `timeout` seconds or until `stop` is set.
        A hint: one may be missed, and one may be named that is being run already. `Unavailable`."""

    # events
    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]: ...

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event that needs no lease: what people and sweepers do."""

    # reviews
    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now unless it is there already; with its event."""

    def review(self, review_id: str) -> Review: ...

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage: ...

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow, from counters kept as reviews open and close."""

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review: ...

    def release_review(self, review_id: str, by: str) -> Review: ...

    def decide(self, review_id: str, answer: Answer) -> Review:
        """Apply an answer by compare-and-set: `Conflict` when the version or the content hash that the reviewer saw is
        not the stored one.

        An approval short of the quorum leaves the review open. A decision sets the execution's `ready_at`.
        """

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide the reviews whose time is over, each as its `on_expire` says; returns those it changed."""

    # effects
    def begin_effect(self, lease: Lease, intent: Intent) -> Effect:
        """The durable intent. One that is there already comes back as it stood, marked as resumed, and `asked` is kept;
        one that the target refused is intended anew. `Refused` once the execution is asked to cancel: no effect starts
        after that."""

    def finish_effect(
        self,
        lease: Lease,
        key: str,
        status: Ending,
        *,
        receipt: JsonObject | None = None,
        inverse: JsonObject | None = None,
        reason: str = "",
    ) -> Effect: ...

    def revert_effect(self, key: str, by: str) -> Effect:
        """Note that a person has taken an effect back. `Refused` unless it is done and has an inverse."""

    def effect(self, key: str) -> Effect: ...

    def effects(self, execution_id: str) -> Sequence[Effect]: ...

    # starts
    def start_key(self, key: str, request_hash: str) -> str | None:
        """Take a key for a start; the id of the execution that was started with it, if there is one. `Conflict` when
        the key was taken for another request."""

    def note_started(self, key: str, execution_id: str) -> str:
        """Note what was started with a key that was taken; the id that stands, which is the first one's."""

    # answers
    def keep_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Write down what a model or a tool answered in the middle of a step run. The first answer of a key stands."""

    def answer(self, execution_id: str, key: str) -> JsonObject | None:
        """The answer of an execution with this key; None when there is none."""

    # the installation
    def now(self) -> datetime:
        """The store's time, by which leases, deadlines and waits are judged."""

    def install_id(self) -> str:
        """A random id made when the database was: part of every idempotency key."""
