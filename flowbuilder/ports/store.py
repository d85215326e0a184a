"""The store port: the durable record of workflows, executions, history, reviews, effects and limiter state."""

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
from flowbuilder.model.review_draft import Draft, Presence
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports.engine import StepMemo
from flowbuilder.ports.throttle import LimiterStore
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list; None means any."""

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


class WorkflowStore(Protocol):
    """Workflows, their versions, and sites."""

    def save_version(
        self, *, name: str, title: str, document: JsonObject, source: str, digest: str, author: str = ""
    ) -> WorkflowVersion:
        """A new draft; the latest version itself when its digest is the same and it is not archived, unless `author`
        is the first author that is recorded for it."""

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish a draft (default: the latest); the version published before becomes archived."""

    def archive(self, name: str) -> None:
        """Archive a workflow with all its versions. `NotFound`."""

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version. `NotFound`."""

    def latest_version(self, name: str) -> WorkflowVersion:
        """The version with the highest number. `NotFound`."""

    def versions(self, name: str) -> Sequence[WorkflowVersion]:
        """All versions, newest first. `NotFound`."""

    def workflows(self, *, account: str | None = None, include_archived: bool = False) -> Sequence[WorkflowSummary]:
        """Workflows by name."""

    def save_site(self, name: str, record: JsonObject) -> None:
        """Insert or replace a site's record. Its present `reviewers` decide, also reviews that are open already."""

    def site(self, name: str) -> JsonObject:
        """One site's record. `NotFound`."""

    def sites(self) -> Sequence[JsonObject]:
        """All site records, by name."""


class ExecutionStore(Protocol):
    """Executions, their leases, control requests, and the idempotency keys of starts."""

    def create_execution(
        self, execution: Execution, *, sensitive: JsonObject | None = None, held: str = ""
    ) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id exists already.

        `sensitive` is the record of its sensitive inputs; the one that was held under the key `held` is deleted.
        """

    def hold_sensitive(self, key: str, record: JsonObject) -> None:
        """Keep the record of sensitive inputs under a key until the execution is created. One that is held already is
        replaced; those that were left behind a day ago are deleted."""

    def sensitive(self, key: str) -> JsonObject | None:
        """The record of the sensitive inputs of an execution, by its id or by the key that it is held under."""

    def execution(self, execution_id: str) -> Execution:
        """One execution. `NotFound`."""

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen (keyset)."""

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1.

        `Conflict` while another worker's lease is unexpired, `Refused` when the execution has ended. Taking over an
        expired lease counts a death and writes `worker_lost`.
        """

    def renew(self, lease: Lease, ttl: timedelta) -> None:
        """Extend the lease to `ttl` from now."""

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out. Does nothing when
        another worker holds the execution."""

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
        """Release the lease: set the status, write the events. `Refused` for a transition that is not allowed.

        A pending control request is applied at once. Settling as `waiting` although a decision that the worker has not
        seen exists sets `ready_at` to now.
        """

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Ask the worker that holds the execution to pause or cancel it. An execution without a holder is paused or
        cancelled at once; cancelling withdraws its open reviews. None resumes: status queued, `ready_at` now."""

    def control(self, execution_id: str) -> Control | None:
        """The pending control request. `NotFound`."""

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Executions without a live lease that are due: `ready_at` is past, or their lease ran out. Longest due
        first."""

    def listen(self, timeout: float, stop: threading.Event | None = None) -> Iterator[str]:
        """Ids of executions as they become ready, for at most `timeout` seconds or until `stop` is set. `Unavailable`.

        A hint: an id may be missed, and an id may name an execution that is running already.
        """

    def reserve_idempotency_key(self, key: str, request_hash: str) -> str | None:
        """Reserve a key for a start; the id of the execution that was started with it, if any. `Conflict` when the key
        was reserved for another request."""

    def complete_idempotency_key(self, key: str, execution_id: str) -> str:
        """Record the execution that was started with a reserved key. Returns the recorded id: that of the first
        call."""


class HistoryStore(Protocol):
    """Outcomes, events and step memos of an execution."""

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """In the order in which they were recorded."""

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events in one transaction. One final outcome per path: a second one is `Conflict`."""

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None:
        """Events that the worker writes under its lease."""

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above `after`."""

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event that needs no lease: of a person or of the reconciler. `Refused` after the end, except
        `effect_reverted`."""

    def save_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Record the answer of a model or a tool within a step run. A later answer of the same key is ignored."""

    def step_memo(self, execution_id: str, key: str) -> JsonObject | None:
        """The recorded answer with this key; None when there is none."""

    def step_memos(self, execution_id: str, path: str) -> Sequence[StepMemo]:
        """The recorded answers of one step run, in the order in which they were recorded."""


class ReviewStore(Protocol):
    """The review queue and its decisions."""

    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now with its event unless it exists already."""

    def review(self, review_id: str) -> Review:
        """One review. `NotFound`."""

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the queue; `cursor` is the `next` of the page before."""

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow, from counters that are updated as reviews open and close."""

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review:
        """Claim a review for a reviewer until `ttl` from now. Extending one's own claim does not change its version."""

    def release_review(self, review_id: str, by: str) -> Review:
        """Release one's own claim."""

    def decide(self, review_id: str, answer: Answer, *, hold: timedelta = timedelta()) -> Review:
        """Apply an answer by compare-and-set: `Conflict` when the version or the content hash that the reviewer saw is
        not the stored one.

        An approval short of the quorum leaves the review open. A decision sets the execution's `ready_at`. With `hold`
        it can be undone for that time; until `release_decisions`, workers see the review as open.
        """

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide the reviews whose `expires_at` has passed, each by its `on_expire`; returns those it changed."""


class DraftStore(Protocol):
    """What reviewers may still change: held decisions, drafts; and presence."""

    def held_reviews(self) -> Sequence[Review]:
        """The reviews whose decisions are held, the first to be released first."""

    def undo_decision(self, review_id: str, by: str) -> Review:
        """Open a review again; one that is short of its quorum loses the last approval, unless that was an edit.
        `Conflict` when that was not this person's, or when it is too late."""

    def release_decisions(self, *, limit: int = 100) -> Sequence[Review]:
        """Make the held decisions final whose `held_until` has passed, with their events and the `ready_at` of their
        executions; returns those reviews."""

    def draft(self, review_id: str, by: str) -> Draft | None:
        """This reviewer's unsubmitted answer; None when there is none. A decision of the reviewer deletes it."""

    def save_draft(self, draft: Draft) -> Draft:
        """Store a draft; it carries the revision that its window has seen. `Conflict` when another window has changed
        it since; `Refused` when it is too long."""

    def mark_present(self, window: str, review_id: str, by: str, *, editing: bool) -> None:
        """Record that a browser window shows this review now, and no longer another. `NotFound`."""

    def presence(self, review_id: str) -> Sequence[Presence]:
        """The reviewers whose windows have shown this review within `PRESENCE_LIFETIME`, by name."""


class EffectStore(Protocol):
    """The effect ledger: intents and receipts."""

    def begin_effect(self, lease: Lease, intent: Intent) -> Effect:
        """Record the intent durably. An existing effect is returned as it stood, marked as resumed, with the higher
        `asked` and, until it is done, the inverse of the intent if that has one; one that the target refused is
        intended anew. `Refused` once the execution is asked to cancel."""

    def finish_effect(
        self,
        lease: Lease,
        key: str,
        status: Ending,
        *,
        receipt: JsonObject | None = None,
        inverse: JsonObject | None = None,
        reason: str = "",
        asked: int | None = None,
    ) -> Effect:
        """Record the receipt, or why there is none. A second receipt that differs is a `Conflict`. Without a receipt,
        `asked` replaces the number of answered reviews that `begin_effect` has stored."""

    def revert_effect(self, key: str, by: str) -> Effect:
        """Record that a person reverted an effect. `Refused` unless `ensure_revertible` allows it."""

    def effect(self, key: str) -> Effect:
        """One effect. `NotFound`."""

    def effects(self, execution_id: str) -> Sequence[Effect]:
        """An execution's effects, oldest first."""


class Store(WorkflowStore, ExecutionStore, HistoryStore, ReviewStore, DraftStore, EffectStore, LimiterStore, Protocol):
    """All records. Synchronous; each method is one transaction; safe to call from several threads.

    Writes for an execution take the worker's `Lease` and raise `LostLease` when its epoch is no longer the row's.
    Terminal statuses are absorbing. Times come from the store's own clock unless given.
    """

    def now(self) -> datetime:
        """The store's time, by which leases, deadlines and waits are judged."""

    def install_id(self) -> str:
        """A random id made with the database: part of every idempotency key."""
