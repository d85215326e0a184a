"""Maps reviews and decisions to rows and back."""

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
from flowbuilder.store.db.draft_tables import held_decisions_table
from flowbuilder.store.db.tables import decisions_table, reviews_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import MAX_BYTES, JsonObject

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The `urgency` of a review without a due date."""

_COLUMNS = select(
    reviews_table,
    *(
        column.label(f"decision_{column.name}")
        for column in decisions_table.c
        if column.name not in ("review_id", "execution_id", "path", "epoch")
    ),
    *(
        held_decisions_table.c[name].label(f"held_{name}")
        for name in ("held_until", "decided_by", "inserted_at", "decision")
    ),
)
WITH_DECISION = _COLUMNS.outerjoin(decisions_table, decisions_table.c.review_id == reviews_table.c.id).outerjoin(
    held_decisions_table, held_decisions_table.c.review_id == reviews_table.c.id
)

_ONE = WITH_DECISION.where(reviews_table.c.id == bindparam("wanted"))


def read_review(transaction: Transaction, review_id: str) -> Review:
    """One review; `NotFound`."""
    row = transaction.execute(_ONE, {"wanted": review_id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return review_of(row)


def review_of(row: Row[Any]) -> Review:
    """The review of a row of `WITH_DECISION`; `Damaged`."""
    ensure_readable(
        row, f"{reviews_table.name} or {decisions_table.name}", f"{row.path} of execution {row.flow_run_id}"
    )
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
        decision=decision_of(row, "decision_") if row.decision_kind is not None else _held_decision_of(row),
        account=row.account,
    )


def decision_of(row: Row[Any], prefix: str = "") -> Decision:
    """The decision in a row whose columns have this prefix; `Damaged`."""
    if not prefix:
        ensure_readable(row, decisions_table.name, f"{row.path}, review {row.review_id},")
    columns = row._mapping
    return Decision(
        kind=columns[f"{prefix}kind"],
        by=columns[f"{prefix}decided_by"],
        at=columns[f"{prefix}inserted_at"],
        comment=columns[f"{prefix}comment"],
        comments=tuple(columns[f"{prefix}comments"]),
        approved=columns[f"{prefix}approved"],
        edited=columns[f"{prefix}edited"],
        shown_hash=columns[f"{prefix}shown_hash"],
        approved_hash=columns[f"{prefix}approved_hash"],
    )


def _held_decision_of(row: Row[Any]) -> Decision | None:
    if row.held_decision is None:
        return None
    return Decision(
        **{**row.held_decision, "comments": tuple(row.held_decision["comments"])},
        by=row.held_decided_by,
        at=row.held_inserted_at,
        held_until=row.held_held_until,
    )


def insert_review(transaction: Transaction, execution_row_id: int, review: Review) -> None:
    """Insert a new review; `Refused` when its request is not plain JSON of a bounded size."""
    columns = _mutable_columns(review)
    columns["request"] = storable(columns["request"], "the review")
    transaction.execute(
        reviews_table.insert().values(
            id=review.id,
            execution_id=execution_row_id,
            flow_run_id=review.execution_id,
            workflow_id=review.workflow,
            site=review.site,
            account=review.account,
            path=review.path,
            inserted_at=review.created_at,
            due_at=review.due_at,
            urgency=review.due_at or NEVER,
            search_text=search_text(review),
            **columns,
        )
    )


def update_review(transaction: Transaction, before: Review, after: Review) -> None:
    """Compare-and-set: `Conflict` when the row is no longer the review that was read."""
    same = (
        reviews_table.c.id == before.id,
        reviews_table.c.version == before.version,
        reviews_table.c.status == before.status,
    )
    if not transaction.execute(update(reviews_table).where(*same).values(**_mutable_columns(after))).rowcount:
        raise Conflict("this review has changed since it was read; open it again")


def insert_decision(transaction: Transaction, execution: Row[Any], review: Review, decision: Decision) -> None:
    """Insert the decision of a review."""
    transaction.execute(
        decisions_table.insert().values(
            review_id=review.id,
            execution_id=execution.id,
            path=review.path,
            epoch=execution.epoch,
            kind=decision.kind,
            decided_by=decision.by,
            inserted_at=decision.at,
            comment=decision.comment,
            comments=storable(list(decision.comments), "the comments"),
            approved=decision.approved,  # plain JSON: `apply_answer` has validated it
            edited=decision.edited,
            shown_hash=decision.shown_hash,
            approved_hash=decision.approved_hash,
        )
    )


def insert_held_decision(transaction: Transaction, execution: Row[Any], review: Review, decision: Decision) -> None:
    """Insert a decision that can still be undone."""
    record = {
        "kind": decision.kind,
        "comment": decision.comment,
        "comments": list(decision.comments),
        "approved": decision.approved,
        "edited": decision.edited,
        "shown_hash": decision.shown_hash,
        "approved_hash": decision.approved_hash,
    }
    transaction.execute(
        held_decisions_table.insert().values(
            review_id=review.id,
            execution_id=execution.id,
            held_until=decision.held_until,
            decided_by=decision.by,
            inserted_at=decision.at,
            decision=storable(record, "the decision", max_bytes=2 * MAX_BYTES),
        )
    )


def _mutable_columns(review: Review) -> dict[str, Any]:
    """The columns that may change after the insert."""
    return {
        "status": review.status,
        "version": review.version,
        "request": _json_of(review.request),
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
    lists = {"findings": list(request.findings), "targets": list(request.targets)}
    whole = {**asdict(request), **lists, "assign": asdict(request.assign), "publishes": list(request.publishes)}
    # where it has none, an earlier release can read the review
    left_out = {name for name in ("publishes", "replaced") if not whole[name]}
    return {name: value for name, value in whole.items() if name not in left_out}


def _request_of(value: JsonObject) -> ReviewRequest:
    assign = value["assign"]
    people = assign["people"]
    if "anyone" not in assign and not people:  # of a release in which an empty list meant that no person was named
        people = None
    named = Assignment(**{**assign, "people": None if people is None else tuple(people)})
    return ReviewRequest(
        **{
            **value,
            "findings": tuple(value["findings"]),
            "targets": tuple(value.get("targets", ())),
            "publishes": tuple(value.get("publishes", ())),
            "assign": named,
        }
    )
