"""A review and its decision as rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.review import Assignment, Decision, Review, ReviewRequest
from flowbuilder.model.review_opening import search_text
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.tables import decisions, reviews
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""How urgent a review without a due date is."""

WHOLE = select(
    reviews,
    *(
        column.label(f"decision_{column.name}")
        for column in decisions.c
        if column.name not in ("review_id", "execution_id", "path", "epoch")
    ),
).outerjoin(decisions, decisions.c.review_id == reviews.c.id)

_ONE = WHOLE.where(reviews.c.id == bindparam("wanted"))


def review_in(transaction: Transaction, review_id: str) -> Review:
    """One review; `NotFound`."""
    row = transaction.run(_ONE, {"wanted": review_id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return review_of(row)


def review_of(row: Row[Any]) -> Review:
    """The record of a row of `WHOLE`; `Damaged`."""
    ensure_readable(row, f"{reviews.name} or {decisions.name}", f"{row.path} of execution {row.flow_run_id}")
    return Review(
        id=row.id,
        execution_id=row.flow_run_id,
        workflow=row.workflow_id,
        site=row.site,
        path=row.path,
        request=_request_of(row.request),
        status=row.status,
        version=row.version,
        content_hash=row.content_hash,
        created_at=row.inserted_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
        claimed_by=row.claimed_by,
        claimed_until=row.claimed_until,
        approvals=tuple(row.approvals),
        amended_by=row.amended_by,
        escalations=row.escalations,
        decision=None if row.decision_kind is None else decision_of(row, "decision_"),
        account=row.account,
    )


def decision_of(row: Row[Any], prefix: str = "") -> Decision:
    """The decision in a row whose columns have this prefix; `Damaged`."""
    if not prefix:
        ensure_readable(row, decisions.name, f"{row.path}, review {row.review_id},")
    found = row._mapping
    return Decision(
        kind=found[f"{prefix}kind"],
        by=found[f"{prefix}decided_by"],
        at=found[f"{prefix}inserted_at"],
        comment=found[f"{prefix}comment"],
        comments=tuple(found[f"{prefix}comments"]),
        approved=found[f"{prefix}approved"],
        edited=found[f"{prefix}edited"],
        shown_hash=found[f"{prefix}shown_hash"],
        approved_hash=found[f"{prefix}approved_hash"],
    )


def insert_review(transaction: Transaction, execution: int, review: Review) -> None:
    """A new review."""
    transaction.run(
        reviews.insert().values(
            id=review.id,
            execution_id=execution,
            flow_run_id=review.execution_id,
            workflow_id=review.workflow,
            site=review.site,
            account=review.account,
            path=review.path,
            inserted_at=review.created_at,
            due_at=review.due_at,
            urgency=review.due_at or NEVER,
            search_text=search_text(review),
            **_changing(review),
        )
    )


def update_review(transaction: Transaction, before: Review, after: Review) -> None:
    """Compare-and-set: `Conflict` when the row is no longer the open review that was read."""
    same = (reviews.c.id == before.id, reviews.c.version == before.version, reviews.c.status == "open")
    if not transaction.run(update(reviews).where(*same).values(**_changing(after))).rowcount:
        raise Conflict("this review has changed since it was read; look at it again")


def insert_decision(transaction: Transaction, execution: Row[Any], review: Review, decision: Decision) -> None:
    """The decision of a review."""
    transaction.run(
        decisions.insert().values(
            review_id=review.id,
            execution_id=execution.id,
            path=review.path,
            epoch=execution.epoch,
            kind=decision.kind,
            decided_by=decision.by,
            inserted_at=decision.at,
            comment=decision.comment,
            comments=storable(list(decision.comments), "the comments"),
            approved=storable(decision.approved, "the approved content"),
            edited=decision.edited,
            shown_hash=decision.shown_hash,
            approved_hash=decision.approved_hash,
        )
    )


def _changing(review: Review) -> dict[str, Any]:
    """What of a row may change after it was inserted."""
    return {
        "status": review.status,
        "version": review.version,
        "request": storable(_json_of(review.request), "the review"),
        "content_hash": review.content_hash,
        "expires_at": review.expires_at,
        "reviewer": review.decision.by if review.decision else review.claimed_by,
        "claimed_by": review.claimed_by,
        "claimed_until": review.claimed_until,
        "approvals": list(review.approvals),
        "amended_by": review.amended_by,
        "escalations": review.escalations,
    }


def _json_of(request: ReviewRequest) -> JsonObject:
    return {**asdict(request), "findings": list(request.findings), "assign": asdict(request.assign)}


def _request_of(value: JsonObject) -> ReviewRequest:
    assign = value["assign"]
    return ReviewRequest(
        **{
            **value,
            "findings": tuple(value["findings"]),
            "assign": Assignment(**{**assign, "people": tuple(assign["people"])}),
        }
    )
