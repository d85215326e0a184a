"""Reviews: opened, claimed, decided, expired."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select
from uuid_utils.compat import uuid7

from flowbuilder.errors import Damaged, NotFound
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Decision, Review, ReviewRequest
from flowbuilder.model.review_draft import held
from flowbuilder.model.review_events import (
    approved_event,
    claimed_event,
    decided_event,
    expired_event,
    opened_event,
    released_event,
)
from flowbuilder.model.review_opening import opened_review
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
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import (
    decisions_table,
    executions_table,
    reviews_table,
)
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of
from flowbuilder.store.records.review_closing import close_review, count_pending, hold_review
from flowbuilder.store.records.review_drafts import delete_draft
from flowbuilder.store.records.review_mapper import (
    WITH_DECISION,
    decision_of,
    insert_review,
    read_review,
    review_of,
    update_review,
)
from flowbuilder.store.records.review_people import author_of, insert_people, reviewers_now

logger = logging.getLogger(__name__)

_DECISIONS = (
    select(decisions_table)
    .join(executions_table, executions_table.c.id == decisions_table.c.execution_id)
    .where(executions_table.c.flow_run_id == bindparam("wanted"))
    .order_by(decisions_table.c.inserted_at)
)


class SqlReviews(Repository):
    """The execution's row is always locked before the review's, which prevents deadlocks."""

    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now unless it exists already."""

        def open_review(transaction: Transaction) -> Review:
            row = transaction.fence(lease)
            existing = WITH_DECISION.where(reviews_table.c.execution_id == row.id, reviews_table.c.path == path)
            if (known := transaction.execute(existing).one_or_none()) is not None:
                return review_of(known)
            now = transaction.now()
            review = opened_review(request, review_id=str(uuid7()), execution=execution_of(row), path=path, now=now)
            insert_review(transaction, row.id, review)
            insert_people(transaction, review, reviewers_now(transaction, row, review, lock=True))
            count_pending(transaction, review.workflow, 1)
            transaction.write_events(row, [opened_event(review)])
            return read_review(transaction, review.id)

        return self._database.write(open_review)

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review:
        """Claim a review for a reviewer. Extending one's own claim does not change its version."""

        def claim(transaction: Transaction) -> Review:
            row, review = lock_review(transaction, review_id)
            now = transaction.now()
            ensure_unclaimed(review, by, now)
            ensure_reviewer(review, by, reviewers_now(transaction, row, review))
            until, extended = now + ttl, person(review.claimed_by or "") == person(by)
            version = review.version + (0 if extended else 1)
            claimed = replace(review, claimed_by=by, claimed_until=until, version=version)
            update_review(transaction, review, claimed)
            if not extended:
                transaction.write_events(row, [claimed_event(review, by, until)])
            return claimed

        return self._database.write(claim)

    def release_review(self, review_id: str, by: str) -> Review:
        """Release one's own claim."""

        def release(transaction: Transaction) -> Review:
            row, review = lock_review(transaction, review_id)
            ensure_unclaimed(review, by, transaction.now())
            if review.claimed_by is None or person(review.claimed_by) != person(by):
                return review
            freed = replace(review, claimed_by=None, claimed_until=None, version=review.version + 1)
            update_review(transaction, review, freed)
            transaction.write_events(row, [released_event(review, by)])
            return freed

        return self._database.write(release)

    def decide(self, review_id: str, answer: Answer, *, hold: timedelta = timedelta()) -> Review:
        """Apply an answer by compare-and-set on the version and the content that the reviewer saw; with `hold`, the
        decision can be undone for that time, and no worker sees it."""

        def decide(transaction: Transaction) -> Review:
            row, review = lock_review(transaction, review_id)
            outcome = apply_answer(
                review,
                answer,
                reviewers=reviewers_now(transaction, row, review),
                author=author_of(transaction, row),
                now=transaction.now(),
            )
            if isinstance(outcome, PartialApproval):
                approved = with_partial_approval(review, outcome)
                update_review(transaction, review, approved)
                delete_draft(transaction, review_id, answer.by)
                transaction.write_events(row, [approved_event(approved, outcome, answer.by)])
                return approved
            decision = held(outcome, hold, transaction.now())
            if decision.held_until is not None:
                return hold_review(transaction, row, review, decision)
            closed = close_review(transaction, row, review, outcome, decided_event(review, outcome))
            _make_ready(transaction, row, outcome)
            return closed

        return self._database.write(decide)

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""
        wanted = {"wanted": execution_id}
        return self._database.read(
            lambda transaction: {row.path: decision_of(row) for row in transaction.execute(_DECISIONS, wanted)}
        )

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide or escalate the reviews whose `expires_at` has passed, each in a transaction of its own."""

        def due(transaction: Transaction) -> list[str]:
            over = (reviews_table.c.status == "open", reviews_table.c.expires_at <= transaction.now())
            query = select(reviews_table.c.id).where(*over).order_by(reviews_table.c.expires_at, reviews_table.c.id)
            return list(transaction.execute(query.limit(max(limit, 0))).scalars())

        changed = [self._expire(review_id) for review_id in self._database.read(due)]
        return tuple(review for review in changed if review is not None)

    def _expire(self, review_id: str) -> Review | None:
        try:
            return self._database.write(lambda transaction: _expire(transaction, review_id))
        except Damaged as problem:  # the other reviews expire all the same
            logger.error("%s", problem)
            return None


def _expire(transaction: Transaction, review_id: str) -> Review | None:
    row, review = lock_review(transaction, review_id)
    now = transaction.now()
    if review.status != "open" or review.expires_at is None or review.expires_at > now:
        return None  # decided or escalated since it was listed
    outcome = expire(review, now, reviewers=reviewers_now(transaction, row, review))
    event = expired_event(review, outcome)
    if not isinstance(outcome, Escalation):
        closed = close_review(transaction, row, review, outcome, event)
        _make_ready(transaction, row, outcome)
        return closed
    escalated = with_escalation(review, outcome)
    update_review(transaction, review, escalated)
    transaction.write_events(row, [event])
    return escalated


def _make_ready(transaction: Transaction, row: Row[Any], decision: Decision) -> None:
    """A decided review makes its execution ready to be resumed."""
    transaction.update_execution(row.id, ready_at=decision.at)
    transaction.notify_ready(row.flow_run_id)


def lock_review(transaction: Transaction, review_id: str) -> tuple[Row[Any], Review]:
    """The execution's row, locked, and its review, read under that lock."""
    query = select(reviews_table.c.flow_run_id).where(reviews_table.c.id == review_id)
    execution_id = transaction.execute(query).scalar_one_or_none()
    if execution_id is None:
        raise NotFound(f"there is no review {review_id}")
    row = transaction.lock(execution_id)
    return row, read_review(transaction, review_id)
