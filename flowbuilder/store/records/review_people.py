"""Who may decide a review, by the present record of its site; and the index of open reviews by person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, select

from flowbuilder.model.review import Review
from flowbuilder.model.reviewers import Reviewers, held_without_author, reviewers_of
from flowbuilder.store.db.corruption import ensure_readable, skip_unreadable
from flowbuilder.store.db.tables import review_people_table, reviews_table, sites_table, values_table, versions_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_mapper import NEVER, WITH_DECISION, review_of
from flowbuilder.values import JsonObject

_SITE = select(sites_table.c.record).where(sites_table.c.name == bindparam("wanted"))
_SITE_AT_START = select(values_table.c.site_record).where(values_table.c.execution_id == bindparam("number"))
_IN_THE_INDEX = select(review_people_table.c.person).where(review_people_table.c.review_id == bindparam("wanted"))


def reviewers_now(transaction: Transaction, row: Row[Any], review: Review, *, lock: bool = False) -> Reviewers:
    """Who may decide a review of the execution in `row`: a corrected site counts at once. A site that is not stored
    counts as it was when the execution started. `lock`: the site does not change until this transaction ends."""
    query = _SITE.with_for_update(read=True) if lock else _SITE
    record: JsonObject | None = None
    if review.site is not None:
        record = transaction.execute(query, {"wanted": review.site}).scalar_one_or_none()
    if record is None:
        found = transaction.execute(_SITE_AT_START, {"number": row.id}).one()
        ensure_readable(found, values_table.name, f"execution {row.flow_run_id}")
        record = found.site_record
    assign = review.request.assign
    reviewers = reviewers_of(assign, record)
    return held_without_author(reviewers, assign, author_of(transaction, row)) if assign.not_author else reviewers


def author_of(transaction: Transaction, row: Row[Any]) -> str:
    """Who pushed the version of the workflow that an execution runs; empty when that is not recorded."""
    query = select(versions_table.c.author).where(
        versions_table.c.workflow_id == row.workflow_id, versions_table.c.number == row.version
    )
    author: str = transaction.execute(query).scalar_one()
    return author


def insert_people(transaction: Transaction, review: Review, reviewers: Reviewers) -> None:
    """Put an open review into the queue of each of its reviewers; one that is held, into the queue of everyone."""
    rows = [
        {
            "review_id": review.id,
            "person": name,
            "status": "open",
            "urgency": review.due_at or NEVER,
            "inserted_at": review.created_at,
        }
        for name in _queues(reviewers)
    ]
    transaction.execute(review_people_table.insert(), rows)


def replace_people(transaction: Transaction, review: Review, reviewers: Reviewers) -> None:
    """Move an open review from the queues that it is in to those of its present reviewers."""
    transaction.execute(delete(review_people_table).where(review_people_table.c.review_id == review.id))
    insert_people(transaction, review, reviewers)


def update_people(transaction: Transaction, site: str, record: JsonObject) -> None:
    """Put the open reviews of a site, whose new record is being saved, into the queues of those who may decide now."""
    query = WITH_DECISION.where(reviews_table.c.site == site, reviews_table.c.status == "open")
    rows = transaction.execute(query.with_for_update(of=reviews_table)).all()
    for review in skip_unreadable(rows, review_of):
        reviewers = reviewers_of(review.request.assign, record)
        indexed = transaction.execute(_IN_THE_INDEX, {"wanted": review.id}).scalars().all()
        if sorted(indexed) != _queues(reviewers):
            replace_people(transaction, review, reviewers)


def _queues(reviewers: Reviewers) -> list[str]:
    """The names in the index; the empty name means everyone."""
    return sorted(reviewers.people) if reviewers.people and not reviewers.anyone else [""]
