"""Rows that cannot be read any more: flipped bits, or somebody's hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Row

from flowbuilder.errors import Damaged
from flowbuilder.store.db.column_types import Unreadable

T = TypeVar("T")
logger = logging.getLogger(__name__)


def unreadable(values: Mapping[Any, Any]) -> list[str]:
    """The names of those that cannot be read."""
    return [str(name) for name, value in values.items() if type(value) is Unreadable]


def ensure_readable(row: Row[Any], table: str, whose: str) -> None:
    """`Damaged` when a value of this row cannot be read; `whose` row it is, for people."""
    if names := unreadable(row._mapping):
        raise Damaged(damage(table, whose, names))


def damage(table: str, whose: str, columns: Iterable[str]) -> str:
    """What is said of a row that cannot be read."""
    named = ", ".join(sorted(columns))
    return f"the row of {whose} in {table} cannot be read: {named} is damaged; bring it back from a backup"


def skip_unreadable(rows: Iterable[Row[Any]], record: Callable[[Row[Any]], T]) -> Iterator[T]:
    """The records of rows; one that is damaged is left out, and said of in the log, so that the others are there."""
    for row in rows:
        try:
            yield record(row)
        except Damaged as problem:
            logger.error("%s", problem)
