"""A review is closed: the decision, its event, and one pending less, always together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, update

from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_rules import decided_event, withdrawal
from flowbuilder.store.db.tables import asked, pending, reviews
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_mapper import WHOLE, insert_decision, review_of, update_review


def close(transaction: Transaction, row: Row[Any], review: Review, decision: Decision, event: NewEvent) -> Review:
    """Decide an open review of the execution whose row is locked; `Conflict` when it is open no more."""
    closed = replace(review, status="decided", version=review.version + 1, decision=decision)
    update_review(transaction, review, closed)
    insert_decision(transaction, row, review, decision)
    transaction.run(update(asked).where(asked.c.review_id == review.id).values(status="decided"))
    count(transaction, review.workflow, -1)
    transaction.write(row, [event])
    return closed


def withdraw_open(transaction: Transaction, row: Row[Any]) -> None:
    """Close the open reviews of an execution that ends."""
    for review in open_of(transaction, row):
        decision = withdrawal(review, transaction.now(), comment="the execution has ended")
        close(transaction, row, review, decision, decided_event(review, decision))


def open_of(transaction: Transaction, row: Row[Any]) -> Sequence[Review]:
    """The open reviews of an execution, the oldest first."""
    query = WHOLE.where(reviews.c.execution_id == row.id, reviews.c.status == "open").order_by(reviews.c.id)
    return tuple(review_of(found) for found in transaction.run(query))


def count(transaction: Transaction, workflow: str, change: int) -> None:
    """Count the open reviews of a workflow up or down."""
    if change < 0:
        transaction.run(
            update(pending).where(pending.c.workflow_id == workflow).values(pending=pending.c.pending + change)
        )
        return
    insert = transaction.insert(pending).values(workflow_id=workflow, pending=change)
    transaction.run(
        insert.on_conflict_do_update(
            index_elements=[pending.c.workflow_id], set_={"pending": pending.c.pending + change}
        )
    )
