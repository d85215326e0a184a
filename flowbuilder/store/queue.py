"""The review queue: pages of it, and how long it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, Tuple, func, literal, select, tuple_

from flowbuilder.asking import same_person
from flowbuilder.errors import Refused
from flowbuilder.ports import ReviewFilter
from flowbuilder.review import Review, ReviewPage
from flowbuilder.store.kinds import Moment
from flowbuilder.store.part import Part
from flowbuilder.store.review_rows import WHOLE, review_in, review_of
from flowbuilder.store.tables import asked, executions, pending, reviews
from flowbuilder.store.transaction import Transaction

_PLACE = (reviews.c.urgency, reviews.c.inserted_at, reviews.c.id)


class SqlQueue(Part):
    """A page begins where the last one ended: however deep, it costs the same."""

    def review(self, review_id: str) -> Review:
        """One review; `NotFound`."""
        return self._database.read(lambda transaction: review_in(transaction, review_id))

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the queue; the cursor is the id of the last review seen."""
        most = max(limit, 1)

        def page(transaction: Transaction) -> ReviewPage:
            after = None if cursor is None else _place(transaction, cursor)
            ids = _ids_for(transaction, where, after, most) if where.assignee else _ids(transaction, where, after, most)
            rows = transaction.run(WHOLE.where(reviews.c.id.in_(ids[:most])).order_by(*_PLACE)).all()
            return ReviewPage(
                reviews=tuple(review_of(row) for row in rows), next=rows[-1].id if len(ids) > most else None
            )

        return self._database.read(page)

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow; workflows without any are left out."""
        query = select(pending.c.workflow_id, pending.c.pending).where(pending.c.pending > 0)
        return self._database.read(lambda transaction: {row.workflow_id: row.pending for row in transaction.run(query)})


def _place(transaction: Transaction, review_id: str) -> Row[Any]:
    row = transaction.run(select(*_PLACE).where(reviews.c.id == review_id)).one_or_none()
    if row is None:
        raise Refused("this page's cursor is not one of this queue; begin again at the first page")
    return row


def _ids(transaction: Transaction, where: ReviewFilter, after: Row[Any] | None, most: int) -> list[str]:
    """The ids of a page's reviews in order, and of one more where there are more."""
    query = _filtered(select(reviews.c.id), where, transaction).order_by(*_PLACE).limit(most + 1)
    if after is not None:
        query = query.where(tuple_(*_PLACE) > _literals(after))
    return list(transaction.run(query).scalars())


def _ids_for(transaction: Transaction, where: ReviewFilter, after: Row[Any] | None, most: int) -> list[str]:
    """The same for what one person may decide: their own and those that anyone may, merged."""
    found: set[tuple[Any, ...]] = set()
    place = (asked.c.urgency, asked.c.inserted_at, asked.c.review_id)
    for person in {same_person(where.assignee or ""), ""}:
        query = select(*place).where(asked.c.person == person).order_by(*place).limit(most + 1)
        if where.status is not None:
            query = query.where(asked.c.status == where.status)
        if (where.workflow, where.site, where.account, where.execution_id, where.text) != (None,) * 5:
            query = _filtered(query.join(reviews, reviews.c.id == asked.c.review_id), where, transaction)
        if after is not None:
            query = query.where(tuple_(*place) > _literals(after))
        found.update(tuple(row) for row in transaction.run(query))
    return [review_id for _, _, review_id in sorted(found)[: most + 1]]


def _literals(place: Row[Any]) -> Tuple:
    """A place in the queue, as the database compares it: row by row."""
    urgency, inserted_at, review_id = place
    return tuple_(literal(urgency, Moment), literal(inserted_at, Moment), literal(review_id))


def _filtered(query: Select[Any], where: ReviewFilter, transaction: Transaction) -> Select[Any]:
    for column, wanted in (
        (reviews.c.workflow_id, where.workflow),
        (reviews.c.site, where.site),
        (reviews.c.status, where.status),
        (reviews.c.account, where.account),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if where.execution_id is not None:
        number = select(executions.c.id).where(executions.c.flow_run_id == where.execution_id).scalar_subquery()
        query = query.where(reviews.c.execution_id == number)
    if where.text is not None:
        position = func.strpos if transaction.on_postgres else func.instr
        query = query.where(position(reviews.c.search_text, where.text.casefold()) > 0)
    return query
