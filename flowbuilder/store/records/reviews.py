"""Reviews: asked, claimed, decided, and those whose time is over."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select
from uuid_utils.compat import uuid7

from flowbuilder.errors import Damaged, NotFound
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Decision, Review, ReviewRequest
from flowbuilder.model.review_opening import allowed_reviewers, normalized_name, opened_event, opened_review
from flowbuilder.model.review_rules import (
    Answer,
    Escalation,
    PartialApproval,
    apply_answer,
    approved_event,
    decided_event,
    ensure_reviewer,
    ensure_unclaimed,
    expire,
    expired_event,
    with_escalation,
    with_partial_approval,
)
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import asked, decisions, executions, reviews, values, versions
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of
from flowbuilder.store.records.review_closing import close, count
from flowbuilder.store.records.review_mapper import (
    NEVER,
    WHOLE,
    decision_of,
    insert_review,
    review_in,
    review_of,
    update_review,
)
from flowbuilder.values import JsonObject

logger = logging.getLogger(__name__)

_DECISIONS = (
    select(decisions)
    .join(executions, executions.c.id == decisions.c.execution_id)
    .where(executions.c.flow_run_id == bindparam("wanted"))
    .order_by(decisions.c.inserted_at)
)
_SITE_RECORD = select(values.c.site_record).where(values.c.execution_id == bindparam("number"))


class SqlReviews(Repository):
    """The execution's row is locked before the review's, always in this order."""

    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now unless it is there already."""

        def ask(transaction: Transaction) -> Review:
            row = transaction.fence(lease)
            there = WHOLE.where(reviews.c.execution_id == row.id, reviews.c.path == path)
            if (known := transaction.run(there).one_or_none()) is not None:
                return review_of(known)
            now = transaction.now()
            review = opened_review(request, review_id=str(uuid7()), execution=execution_of(row), path=path, now=now)
            insert_review(transaction, row.id, review)
            people = allowed_reviewers(request.assign, _site_record(transaction, row)) or {""}
            transaction.run(
                asked.insert(),
                [
                    {
                        "review_id": review.id,
                        "person": person,
                        "status": "open",
                        "urgency": review.due_at or NEVER,
                        "inserted_at": now,
                    }
                    for person in sorted(people)
                ],
            )
            count(transaction, review.workflow, 1)
            transaction.write(row, [opened_event(review)])
            return review_in(transaction, review.id)

        return self._database.write(ask)

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review:
        """Say that someone is at it. The same person's claim is extended, which is no change of the review."""

        def claim(transaction: Transaction) -> Review:
            row, review = _locked(transaction, review_id)
            now = transaction.now()
            ensure_unclaimed(review, by, now)
            ensure_reviewer(review, by, _site_record(transaction, row))
            until, extended = now + ttl, review.claimed_by == by
            version = review.version + (0 if extended else 1)
            claimed = replace(review, claimed_by=by, claimed_until=until, version=version)
            update_review(transaction, review, claimed)
            if not extended:
                data: JsonObject = {"review_id": review_id, "by": by, "until": until.isoformat()}
                transaction.write(row, [NewEvent(type="review_claimed", path=review.path, data=data)])
            return claimed

        return self._database.write(claim)

    def release_review(self, review_id: str, by: str) -> Review:
        """Take one's own claim back."""

        def release(transaction: Transaction) -> Review:
            row, review = _locked(transaction, review_id)
            ensure_unclaimed(review, by, transaction.now())
            if review.claimed_by is None or normalized_name(review.claimed_by) != normalized_name(by):
                return review
            freed = replace(review, claimed_by=None, claimed_until=None, version=review.version + 1)
            update_review(transaction, review, freed)
            data: JsonObject = {"review_id": review_id, "by": by}
            transaction.write(row, [NewEvent(type="review_released", path=review.path, data=data)])
            return freed

        return self._database.write(release)

    def decide(self, review_id: str, answer: Answer) -> Review:
        """Apply an answer by compare-and-set on the version and the content that the reviewer saw."""

        def decide(transaction: Transaction) -> Review:
            row, review = _locked(transaction, review_id)
            outcome = apply_answer(
                review,
                answer,
                site_record=_site_record(transaction, row),
                author=_author(transaction, row),
                now=transaction.now(),
            )
            if isinstance(outcome, PartialApproval):
                approved = with_partial_approval(review, outcome)
                update_review(transaction, review, approved)
                transaction.write(row, [approved_event(approved, outcome, answer.by)])
                return approved
            return _decided(transaction, row, review, outcome, decided_event(review, outcome))

        return self._database.write(decide)

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""
        wanted = {"wanted": execution_id}
        return self._database.read(
            lambda transaction: {row.path: decision_of(row) for row in transaction.run(_DECISIONS, wanted)}
        )

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide or escalate the reviews whose time is over, each in a transaction of its own."""

        def due(transaction: Transaction) -> list[str]:
            over = (reviews.c.status == "open", reviews.c.expires_at <= transaction.now())
            query = select(reviews.c.id).where(*over).order_by(reviews.c.expires_at, reviews.c.id)
            return list(transaction.run(query.limit(max(limit, 0))).scalars())

        lapsed = [self._lapse(review_id) for review_id in self._database.read(due)]
        return tuple(review for review in lapsed if review is not None)

    def _lapse(self, review_id: str) -> Review | None:
        try:
            return self._database.write(lambda transaction: _expired(transaction, review_id))
        except Damaged as problem:  # the others are not to wait for it
            logger.error("%s", problem)
            return None


def _expired(transaction: Transaction, review_id: str) -> Review | None:
    row, review = _locked(transaction, review_id)
    now = transaction.now()
    if review.status != "open" or review.expires_at is None or review.expires_at > now:
        return None  # decided or escalated since it was listed
    outcome = expire(review, now)
    event = expired_event(review, outcome)
    if not isinstance(outcome, Escalation):
        return _decided(transaction, row, review, outcome, event)
    escalated = with_escalation(review, outcome)
    update_review(transaction, review, escalated)
    transaction.write(row, [event])
    return escalated


def _decided(transaction: Transaction, row: Row[Any], review: Review, decision: Decision, event: NewEvent) -> Review:
    closed = close(transaction, row, review, decision, event)
    transaction.change(row.id, ready_at=decision.at)
    transaction.announce(row.flow_run_id)
    return closed


def _locked(transaction: Transaction, review_id: str) -> tuple[Row[Any], Review]:
    """The execution's row, locked, and the review as it is under that lock."""
    of = select(reviews.c.flow_run_id).where(reviews.c.id == review_id)
    execution_id = transaction.run(of).scalar_one_or_none()
    if execution_id is None:
        raise NotFound(f"there is no review {review_id}")
    row = transaction.lock(execution_id)
    return row, review_in(transaction, review_id)


def _site_record(transaction: Transaction, row: Row[Any]) -> JsonObject:
    found = transaction.run(_SITE_RECORD, {"number": row.id}).one()
    ensure_readable(found, values.name, f"execution {row.flow_run_id}")
    record: JsonObject = found.site_record
    return record


def _author(transaction: Transaction, row: Row[Any]) -> str:
    query = select(versions.c.author).where(versions.c.workflow_id == row.workflow_id, versions.c.number == row.version)
    author: str = transaction.run(query).scalar_one()
    return author
