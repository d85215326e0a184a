"""Detects rows that cannot be read any more: flipped bits, or values edited by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Row

from flowbuilder.errors import Damaged
from flowbuilder.store.db.column_types import Unreadable

T = TypeVar("T")
logger = logging.getLogger(__name__)


def unreadable_columns(row: Mapping[Any, Any]) -> list[str]:
    """The names of the columns whose values cannot be read."""
    return [str(name) for name, value in row.items() if type(value) is Unreadable]


def ensure_readable(row: Row[Any], table: str, owner: str) -> None:
    """`Damaged` when a value of this row cannot be read; the message names `owner`, whose row it is."""
    if columns := unreadable_columns(row._mapping):
        raise Damaged(damage_message(table, owner, columns))


def damage_message(table: str, owner: str, columns: Iterable[str]) -> str:
    """The message about a row that cannot be read."""
    return f"the row of {owner} in {table} cannot be read: {', '.join(sorted(columns))} is damaged; restore a backup"


def skip_unreadable(rows: Iterable[Row[Any]], record_of: Callable[[Row[Any]], T]) -> Iterator[T]:
    """The records of rows. A damaged row is logged and left out, so that it does not hide the others."""
    for row in rows:
        try:
            yield record_of(row)
        except Damaged as problem:
            logger.error("%s", problem)
