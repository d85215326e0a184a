"""Queries of the review queue: one review, pages, counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, String, Text, bindparam, select, tuple_

from flowbuilder.errors import Refused
from flowbuilder.model.review import Review, ReviewPage
from flowbuilder.model.reviewers import person
from flowbuilder.ports import ReviewFilter
from flowbuilder.store.db.column_types import UtcDateTime
from flowbuilder.store.db.corruption import skip_unreadable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import executions_table, pending_counts_table, review_people_table, reviews_table
from flowbuilder.store.db.transaction import Dialect, Transaction
from flowbuilder.store.records.review_mapper import WITH_DECISION, read_review, review_of

_ORDER = (reviews_table.c.urgency, reviews_table.c.inserted_at, reviews_table.c.id)


class SqlReviewQueue(Repository):
    """Keyset pagination: a page costs the same at any depth."""

    def review(self, review_id: str) -> Review:
        """One review; `NotFound`."""
        return self._database.read(lambda transaction: read_review(transaction, review_id))

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage:
        """One page of the queue; the cursor is the id of the last review seen."""
        most = max(limit, 1)

        def page(transaction: Transaction) -> ReviewPage:
            parameters = _parameters(where)
            if cursor is not None:
                parameters |= _cursor_parameters(transaction, cursor)
            shape = (frozenset(parameters), transaction.dialect)
            if where.assignee is None:
                rows = transaction.execute(_page(*shape), {**parameters, "most": most + 1}).all()
            else:
                ids = _assigned_ids(transaction, _assigned(*shape), parameters, where.assignee, most + 1)
                rows = transaction.execute(_BY_IDS, {"ids": ids}).all()
            found = tuple(skip_unreadable(rows[:most], review_of))
            return ReviewPage(reviews=found, next=rows[most - 1].id if len(rows) > most else None)

        return self._database.read(page)

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow; workflows without any are left out."""
        query = select(pending_counts_table.c.workflow_id, pending_counts_table.c.pending).where(
            pending_counts_table.c.pending > 0
        )
        return self._database.read(
            lambda transaction: {row.workflow_id: row.pending for row in transaction.execute(query)}
        )


def _parameters(where: ReviewFilter) -> dict[str, Any]:
    """The filter as query parameters, without those that are None."""
    wanted = {
        "workflow": where.workflow,
        "site": where.site,
        "status": where.status,
        "account": where.account,
        "execution": where.execution_id,
        "text": None if where.text is None else where.text.casefold(),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _cursor_parameters(transaction: Transaction, review_id: str) -> dict[str, Any]:
    row = transaction.execute(_CURSOR, {"wanted": review_id}).one_or_none()
    if row is None:
        raise Refused("this cursor is unknown; start again at the first page")
    return dict(zip(("after_urgency", "after_inserted", "after_id"), row, strict=True))


@cache
def _page(given: frozenset[str], dialect: Dialect) -> Select[Any]:
    """The query of a page with these parameters, compiled once per combination."""
    query = _filtered(WITH_DECISION, given, dialect).order_by(*_ORDER).limit(bindparam("most", type_=Integer))
    return query.where(tuple_(*_ORDER) > _AFTER) if "after_id" in given else query


@cache
def _assigned(given: frozenset[str], dialect: Dialect) -> Select[Any]:
    """The query of the reviews assigned to one person, or to the empty name (all people): sort keys only."""
    order = (review_people_table.c.urgency, review_people_table.c.inserted_at, review_people_table.c.review_id)
    query = select(*order).where(review_people_table.c.person == bindparam("person")).order_by(*order)
    if given & {"workflow", "site", "account", "execution", "text"}:
        query = _filtered(
            query.join(reviews_table, reviews_table.c.id == review_people_table.c.review_id), given, dialect
        )
    if "status" in given:
        query = query.where(review_people_table.c.status == bindparam("status"))
    if "after_id" in given:
        query = query.where(tuple_(*order) > _AFTER)
    return query.limit(bindparam("most", type_=Integer))


def _assigned_ids(
    transaction: Transaction, query: Select[Any], parameters: Mapping[str, Any], assignee: str, most: int
) -> list[str]:
    """The ids of a page of the reviews that one person may decide: assigned to them, to anyone, or held."""
    found: set[tuple[Any, ...]] = set()
    for name in {person(assignee), ""}:
        found.update(tuple(row) for row in transaction.execute(query, {**parameters, "person": name, "most": most}))
    return [review_id for _, _, review_id in sorted(found)[:most]]


def _filtered(query: Select[Any], given: frozenset[str], dialect: Dialect) -> Select[Any]:
    conditions = {
        "workflow": reviews_table.c.workflow_id == bindparam("workflow"),
        "site": reviews_table.c.site == bindparam("site"),
        "status": reviews_table.c.status == bindparam("status"),
        "account": reviews_table.c.account == bindparam("account"),
        "execution": reviews_table.c.execution_id == _ROW_ID,
        "text": dialect.position(reviews_table.c.search_text, bindparam("text", type_=Text)) > 0,
    }
    return query.where(*(condition for name, condition in conditions.items() if name in given))


_CURSOR = select(*_ORDER).where(reviews_table.c.id == bindparam("wanted"))
_AFTER = tuple_(
    bindparam("after_urgency", type_=UtcDateTime),
    bindparam("after_inserted", type_=UtcDateTime),
    bindparam("after_id", type_=String),
)
_ROW_ID = (
    select(executions_table.c.id).where(executions_table.c.flow_run_id == bindparam("execution")).scalar_subquery()
)
_BY_IDS = WITH_DECISION.where(reviews_table.c.id.in_(bindparam("ids", expanding=True))).order_by(*_ORDER)
