"""Closing a review: the decision, its event and the pending counter, always together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, update

from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_events import decided_event
from flowbuilder.model.review_rules import withdrawal
from flowbuilder.store.db.tables import pending_counts_table, review_people_table, reviews_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_mapper import WITH_DECISION, insert_decision, review_of, update_review


def close_review(
    transaction: Transaction, row: Row[Any], review: Review, decision: Decision, event: NewEvent
) -> Review:
    """Decide an open review of the execution whose row is locked; `Conflict` when it is no longer open."""
    closed = replace(review, status="decided", version=review.version + 1, decision=decision)
    update_review(transaction, review, closed)
    insert_decision(transaction, row, review, decision)
    transaction.execute(
        update(review_people_table).where(review_people_table.c.review_id == review.id).values(status="decided")
    )
    count_pending(transaction, review.workflow, -1)
    transaction.write_events(row, [event])
    return closed


def withdraw_open(transaction: Transaction, row: Row[Any]) -> None:
    """Close the open reviews of an execution that ends."""
    for review in open_reviews(transaction, row):
        decision = withdrawal(review, transaction.now(), comment="the execution has ended")
        close_review(transaction, row, review, decision, decided_event(review, decision))


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
