"""The review queue: pages of it, and how long it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, String, Text, bindparam, func, select, tuple_

from flowbuilder.errors import Refused
from flowbuilder.model.review import Review, ReviewPage
from flowbuilder.model.review_opening import normalized_name
from flowbuilder.ports import ReviewFilter
from flowbuilder.store.db.column_types import Moment
from flowbuilder.store.db.corruption import skip_unreadable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import asked, executions, pending, reviews
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_mapper import WHOLE, review_in, review_of

_PLACE = (reviews.c.urgency, reviews.c.inserted_at, reviews.c.id)


class SqlReviewQueue(Repository):
    """A page begins where the last one ended: however deep, it costs the same."""

    def review(self, review_id: str) -> Review:
        """One review; `NotFound`."""
        return self._database.read(lambda transaction: review_in(transaction, review_id))

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the queue; the cursor is the id of the last review seen."""
        most = max(limit, 1)

        def page(transaction: Transaction) -> ReviewPage:
            values = _values(where)
            if cursor is not None:
                values |= _place(transaction, cursor)
            shape = (frozenset(values), transaction.on_postgres)
            if where.assignee is None:
                rows = transaction.run(_page(*shape), {**values, "most": most + 1}).all()
            else:
                ids = _ids_for(transaction, _own(*shape), values, where.assignee, most + 1)
                rows = transaction.run(_SOME, {"ids": ids}).all()
            found = tuple(skip_unreadable(rows[:most], review_of))
            return ReviewPage(reviews=found, next=rows[most - 1].id if len(rows) > most else None)

        return self._database.read(page)

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow; workflows without any are left out."""
        query = select(pending.c.workflow_id, pending.c.pending).where(pending.c.pending > 0)
        return self._database.read(lambda transaction: {row.workflow_id: row.pending for row in transaction.run(query)})


def _values(where: ReviewFilter) -> dict[str, Any]:
    """What is asked for, by the name of its parameter."""
    wanted = {
        "workflow": where.workflow,
        "site": where.site,
        "status": where.status,
        "account": where.account,
        "execution": where.execution_id,
        "text": None if where.text is None else where.text.casefold(),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _place(transaction: Transaction, review_id: str) -> dict[str, Any]:
    row = transaction.run(_CURSOR, {"wanted": review_id}).one_or_none()
    if row is None:
        raise Refused("this page's cursor is not one of this queue; begin again at the first page")
    return dict(zip(("after_urgency", "after_inserted", "after_id"), row, strict=True))


@cache
def _page(given: frozenset[str], on_postgres: bool) -> Select[Any]:
    """The query for a page, where so much is given: compiled once for each way of asking."""
    query = _filtered(WHOLE, given, on_postgres).order_by(*_PLACE).limit(bindparam("most", type_=Integer))
    return query.where(tuple_(*_PLACE) > _AFTER) if "after_id" in given else query


@cache
def _own(given: frozenset[str], on_postgres: bool) -> Select[Any]:
    """The same for one person, or for the empty name, which is anyone: the places in the queue alone."""
    place = (asked.c.urgency, asked.c.inserted_at, asked.c.review_id)
    query = select(*place).where(asked.c.person == bindparam("person")).order_by(*place)
    if given & {"workflow", "site", "account", "execution", "text"}:
        query = _filtered(query.join(reviews, reviews.c.id == asked.c.review_id), given, on_postgres)
    if "status" in given:
        query = query.where(asked.c.status == bindparam("status"))
    if "after_id" in given:
        query = query.where(tuple_(*place) > _AFTER)
    return query.limit(bindparam("most", type_=Integer))


def _ids_for(
    transaction: Transaction, query: Select[Any], values: Mapping[str, Any], assignee: str, most: int
) -> list[str]:
    """The ids of a page of what one person may decide: their own and those that anyone may, merged."""
    found: set[tuple[Any, ...]] = set()
    for person in {normalized_name(assignee), ""}:
        found.update(tuple(row) for row in transaction.run(query, {**values, "person": person, "most": most}))
    return [review_id for _, _, review_id in sorted(found)[:most]]


def _filtered(query: Select[Any], given: frozenset[str], on_postgres: bool) -> Select[Any]:
    position = func.strpos if on_postgres else func.instr
    conditions = {
        "workflow": reviews.c.workflow_id == bindparam("workflow"),
        "site": reviews.c.site == bindparam("site"),
        "status": reviews.c.status == bindparam("status"),
        "account": reviews.c.account == bindparam("account"),
        "execution": reviews.c.execution_id == _NUMBER,
        "text": position(reviews.c.search_text, bindparam("text", type_=Text)) > 0,
    }
    return query.where(*(condition for name, condition in conditions.items() if name in given))


_CURSOR = select(*_PLACE).where(reviews.c.id == bindparam("wanted"))
_AFTER = tuple_(
    bindparam("after_urgency", type_=Moment),
    bindparam("after_inserted", type_=Moment),
    bindparam("after_id", type_=String),
)
_NUMBER = select(executions.c.id).where(executions.c.flow_run_id == bindparam("execution")).scalar_subquery()
_SOME = WHOLE.where(reviews.c.id.in_(bindparam("ids", expanding=True))).order_by(*_PLACE)
