"""Closing and reopening a review: the decision, its event and the pending counter, always together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, delete, update

from flowbuilder.errors import Conflict
from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_events import decided_event
from flowbuilder.model.review_rules import withdrawal
from flowbuilder.store.db.draft_tables import held_decisions_table
from flowbuilder.store.db.tables import pending_counts_table, review_people_table, reviews_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_drafts import delete_draft
from flowbuilder.store.records.review_mapper import (
    WITH_DECISION,
    insert_decision,
    insert_held_decision,
    review_of,
    update_review,
)
from flowbuilder.store.records.review_people import replace_people, reviewers_now


def close_review(
    transaction: Transaction, row: Row[Any], review: Review, decision: Decision, event: NewEvent
) -> Review:
    """Decide an open review of the execution whose row is locked; `Conflict` when it is no longer open."""
    closed = _close(transaction, review, decision)
    insert_decision(transaction, row, review, decision)
    delete_draft(transaction, review.id, decision.by)
    transaction.write_events(row, [event])
    return closed


def hold_review(transaction: Transaction, row: Row[Any], review: Review, decision: Decision) -> Review:
    """Close an open review with a decision that is held; `Conflict` when it is no longer open."""
    closed = _close(transaction, review, decision)
    insert_held_decision(transaction, row, review, decision)
    return closed


def apply_held(transaction: Transaction, row: Row[Any], review: Review) -> Review:
    """Make the held decision of a review final, with its event."""
    assert review.decision is not None
    decision = replace(review.decision, held_until=None)
    insert_decision(transaction, row, review, decision)
    _delete_held(transaction, review)
    delete_draft(transaction, review.id, decision.by)
    transaction.write_events(row, [decided_event(review, decision)])
    return replace(review, decision=decision)


def reopen_review(transaction: Transaction, row: Row[Any], before: Review, after: Review) -> None:
    """Open a review again whose held decision is undone; `Conflict` when it has changed since it was read."""
    update_review(transaction, before, after)
    _delete_held(transaction, before)
    replace_people(transaction, after, reviewers_now(transaction, row, after, lock=True))
    count_pending(transaction, before.workflow, 1)


def withdraw_open(transaction: Transaction, row: Row[Any]) -> None:
    """Close the open reviews of an execution that ends, and make its held decisions final."""
    for review in open_reviews(transaction, row):
        decision = withdrawal(review, transaction.now(), comment="the execution has ended")
        close_review(transaction, row, review, decision, decided_event(review, decision))
    held = WITH_DECISION.where(held_decisions_table.c.execution_id == row.id).order_by(reviews_table.c.id)
    for found in transaction.execute(held).all():
        apply_held(transaction, row, review_of(found))


def open_reviews(transaction: Transaction, row: Row[Any]) -> Sequence[Review]:
    """The open reviews of an execution, the oldest first."""
    query = WITH_DECISION.where(reviews_table.c.execution_id == row.id, reviews_table.c.status == "open").order_by(
        reviews_table.c.id
    )
    return tuple(review_of(found) for found in transaction.execute(query))


def count_pending(transaction: Transaction, workflow: str, change: int) -> None:
    """Add to the counter of a workflow's open reviews."""
    if change < 0:
        transaction.execute(
            update(pending_counts_table)
            .where(pending_counts_table.c.workflow_id == workflow)
            .values(pending=pending_counts_table.c.pending + change)
        )
        return
    insert = transaction.insert(pending_counts_table).values(workflow_id=workflow, pending=change)
    transaction.execute(
        insert.on_conflict_do_update(
            index_elements=[pending_counts_table.c.workflow_id],
            set_={"pending": pending_counts_table.c.pending + change},
        )
    )


def _close(transaction: Transaction, review: Review, decision: Decision) -> Review:
    closed = replace(review, status="decided", version=review.version + 1, decision=decision)
    update_review(transaction, review, closed)
    transaction.execute(
        update(review_people_table).where(review_people_table.c.review_id == review.id).values(status="decided")
    )
    count_pending(transaction, review.workflow, -1)
    return closed


def _delete_held(transaction: Transaction, review: Review) -> None:
    gone = delete(held_decisions_table).where(held_decisions_table.c.review_id == review.id)
    if not transaction.execute(gone).rowcount:
        raise Conflict("this decision is no longer held; open the review again")
