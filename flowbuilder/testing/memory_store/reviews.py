"""Reviews and the review queue, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Decision, Review, ReviewPage, ReviewRequest
from flowbuilder.model.review_draft import held
from flowbuilder.model.review_events import (
    approved_event,
    claimed_event,
    decided_event,
    expired_event,
    opened_event,
    released_event,
)
from flowbuilder.model.review_opening import opened_review, search_text
from flowbuilder.model.review_rules import (
    Answer,
    Escalation,
    PartialApproval,
    apply_answer,
    ensure_reviewer,
    ensure_unclaimed,
    expire,
    with_escalation,
    with_partial_approval,
)
from flowbuilder.model.reviewers import person
from flowbuilder.ports import ReviewFilter
from flowbuilder.testing.memory_store.memory import Repository, StoredExecution, copied

_NEVER = datetime.max.replace(tzinfo=UTC)


class MemoryReviews(Repository):
    """Reviews and their decisions."""

    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now unless it exists already."""
        memory = self._memory
        with memory.lock:
            stored, now = memory.fence(lease), memory.now()
            for known in memory.reviews.values():
                if (known.execution_id, known.path) == (lease.execution_id, path):
                    return copied(known)
            review = opened_review(
                copied(request), review_id=str(uuid7()), execution=stored.execution, path=path, now=now
            )
            memory.reviews[review.id] = review
            memory.reviewers[review.id] = memory.reviewers_now(review)
            stored.write_events(now, [opened_event(review)])
            return copied(review)

    def review(self, review_id: str) -> Review:
        """One review; `NotFound`."""
        with self._memory.lock:
            if review_id not in self._memory.reviews:
                raise NotFound(f"there is no review {review_id}")
            return copied(self._memory.reviews[review_id])

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the queue; the cursor is the id of the last review seen."""
        memory = self._memory
        with memory.lock:
            if cursor is not None and cursor not in memory.reviews:
                raise Refused("this cursor is unknown; start again at the first page")
            found = [review for review in memory.reviews.values() if self._fits(review, where)]
            found.sort(key=_urgency)
            if cursor is not None:
                last = _urgency(memory.reviews[cursor])
                found = [review for review in found if _urgency(review) > last]
            page = found[: max(limit, 1)]
            more = len(found) > len(page)
            return ReviewPage(reviews=tuple(copied(review) for review in page), next=page[-1].id if more else None)

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow; workflows without any are left out."""
        with self._memory.lock:
            return dict(Counter(item.workflow for item in self._memory.reviews.values() if item.status == "open"))

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review:
        """Claim a review for a reviewer. Extending one's own claim does not change its version."""
        memory = self._memory
        with memory.lock:
            review, now = self.review(review_id), memory.now()
            stored = memory.stored(review.execution_id)
            ensure_unclaimed(review, by, now)
            ensure_reviewer(review, by, memory.reviewers_now(review))
            until = now + ttl
            extended = person(review.claimed_by or "") == person(by)
            claimed = replace(
                review, claimed_by=by, claimed_until=until, version=review.version + (0 if extended else 1)
            )
            memory.reviews[review_id] = claimed
            if not extended:
                stored.write_events(now, [claimed_event(review, by, until)])
            return copied(claimed)

    def release_review(self, review_id: str, by: str) -> Review:
        """Release one's own claim."""
        memory = self._memory
        with memory.lock:
            review, now = self.review(review_id), memory.now()
            ensure_unclaimed(review, by, now)
            if review.claimed_by is None or person(review.claimed_by) != person(by):
                return review
            freed = replace(review, claimed_by=None, claimed_until=None, version=review.version + 1)
            memory.reviews[review_id] = freed
            stored = memory.stored(review.execution_id)
            stored.write_events(now, [released_event(review, by)])
            return copied(freed)

    def decide(self, review_id: str, answer: Answer, *, hold: timedelta = timedelta()) -> Review:
        """Apply an answer by compare-and-set on the version and the content that the reviewer saw; with `hold`, the
        decision can be undone for that time, and no worker sees it."""
        memory, answer = self._memory, copied(answer)
        with memory.lock:
            review, now = self.review(review_id), memory.now()
            stored = memory.stored(review.execution_id)
            reviewers, author = memory.reviewers_now(review), memory.author_of(review)
            outcome = apply_answer(review, answer, reviewers=reviewers, author=author, now=now)
            if isinstance(outcome, PartialApproval):
                approved = with_partial_approval(review, outcome)
                memory.reviews[review_id] = approved
                memory.drafts.pop((review_id, person(answer.by)), None)
                stored.write_events(now, [approved_event(approved, outcome, answer.by)])
                return copied(approved)
            decision = held(outcome, hold, now)
            if decision.held_until is not None:
                return copied(memory.hold_review(review, decision))
            return copied(self._decided(stored, review, outcome, decided_event(review, outcome)))

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""
        with self._memory.lock:
            stored = self._memory.executions.get(execution_id)
            return {path: copied(made.decision) for path, made in stored.decisions.items()} if stored else {}

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide or escalate the reviews whose `expires_at` has passed."""
        memory = self._memory
        with memory.lock:
            now = memory.now()
            due = [
                (review.expires_at, review)
                for review in memory.reviews.values()
                if review.status == "open" and review.expires_at is not None and review.expires_at <= now
            ]
            due.sort(key=lambda item: (item[0], item[1].id))
            return tuple(copied(self._expire(review, now)) for _, review in due[: max(limit, 0)])

    def _expire(self, review: Review, now: datetime) -> Review:
        stored = self._memory.stored(review.execution_id)
        outcome = expire(review, now, reviewers=self._memory.reviewers_now(review))
        event = expired_event(review, outcome)
        if not isinstance(outcome, Escalation):
            return self._decided(stored, review, outcome, event)
        escalated = with_escalation(review, outcome)
        self._memory.reviews[review.id] = escalated
        stored.write_events(now, [event])
        return escalated

    def _decided(self, stored: StoredExecution, review: Review, decision: Decision, event: NewEvent) -> Review:
        closed = self._memory.close_review(stored, review, decision, event)
        self._memory.update_execution(stored, ready_at=decision.at)
        return closed

    def _fits(self, review: Review, where: ReviewFilter) -> bool:
        return (
            where.workflow in (None, review.workflow)
            and where.site in (None, review.site)
            and where.status in (None, review.status)
            and where.execution_id in (None, review.execution_id)
            and where.account in (None, review.account)
            and (where.assignee is None or self._memory.reviewers[review.id].is_listed_for(where.assignee))
            and (where.text is None or where.text.casefold() in search_text(review))
        )


def _urgency(review: Review) -> tuple[datetime, datetime, str]:
    return review.due_at or _NEVER, review.created_at, review.id
