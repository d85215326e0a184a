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
from flowbuilder.model.review import Decision, DecisionKind, Review, ReviewRequest
from flowbuilder.model.review_opening import may_decide, opened, opened_event, same_person
from flowbuilder.model.review_rules import (
    Answer,
    Counted,
    Escalated,
    counted_event,
    decided_event,
    ensure_free,
    ensure_member,
    judge,
    lapse,
    lapsed_event,
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
from flowbuilder.values import Json, JsonObject

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
            review = opened(request, review_id=str(uuid7()), execution=execution_of(row), path=path, now=now)
            insert_review(transaction, row.id, review)
            people = may_decide(request.assign, _site_record(transaction, row)) or {""}
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
            ensure_free(review, by, now)
            ensure_member(review, by, _site_record(transaction, row))
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
            ensure_free(review, by, transaction.now())
            if review.claimed_by is None or same_person(review.claimed_by) != same_person(by):
                return review
            freed = replace(review, claimed_by=None, claimed_until=None, version=review.version + 1)
            update_review(transaction, review, freed)
            data: JsonObject = {"review_id": review_id, "by": by}
            transaction.write(row, [NewEvent(type="review_released", path=review.path, data=data)])
            return freed

        return self._database.write(release)

    def decide(
        self,
        review_id: str,
        *,
        kind: DecisionKind,
        by: str,
        seen_version: int,
        seen_hash: str,
        comment: str = "",
        comments: Sequence[JsonObject] = (),
        edited: Json = None,
        has_edit: bool = False,
    ) -> Review:
        """Compare-and-set on the version and the content that were seen."""
        answer = Answer(
            kind=kind,
            by=by,
            seen_version=seen_version,
            seen_hash=seen_hash,
            comment=comment,
            comments=tuple(comments),
            edited=edited,
            has_edit=has_edit,
        )

        def decide(transaction: Transaction) -> Review:
            row, review = _locked(transaction, review_id)
            made = judge(
                review,
                answer,
                site_record=_site_record(transaction, row),
                author=_author(transaction, row),
                now=transaction.now(),
            )
            if isinstance(made, Counted):
                counted = replace(
                    review,
                    version=review.version + 1,
                    request=made.request,
                    content_hash=made.request.content_hash(),
                    approvals=made.approvals,
                    amended_by=made.amended_by,
                )
                update_review(transaction, review, counted)
                transaction.write(row, [counted_event(counted, made, by)])
                return counted
            return _decided(transaction, row, review, made, decided_event(review, made))

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
            return self._database.write(lambda transaction: _lapsed(transaction, review_id))
        except Damaged as problem:  # the others are not to wait for it
            logger.error("%s", problem)
            return None


def _lapsed(transaction: Transaction, review_id: str) -> Review | None:
    row, review = _locked(transaction, review_id)
    now = transaction.now()
    if review.status != "open" or review.expires_at is None or review.expires_at > now:
        return None  # someone was faster
    what = lapse(review, now)
    event = lapsed_event(review, what)
    if not isinstance(what, Escalated):
        return _decided(transaction, row, review, what, event)
    escalated = replace(
        review, version=review.version + 1, expires_at=what.expires_at, escalations=review.escalations + 1
    )
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
