"""Column types: UTC timestamps, exact JSON, searchable JSON, text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, TIMESTAMP, BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from flowbuilder.values import MAX_INT, MIN_INT, Json, well_formed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

RowId = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database assigns: SQLite does that only for its own INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: a timestamp with time zone on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A timestamp on PostgreSQL, an integer on SQLite."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else _EPOCH + timedelta(microseconds=value)


class ExactJson(TypeDecorator[Json]):
    """A JSON value stored as text: it is read back exactly, with its numbers and the order of its keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str | None:
        """To the database. None is NULL."""
        return None if value is None else text_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Json:
        """From the database."""
        return None if value is None else _read(value)


class Utf8Text(TypeDecorator[str]):
    """Text of people or programs. Characters that PostgreSQL cannot store are replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else well_formed(value)


class SearchableJson(TypeDecorator[Json]):
    """JSON that a query can search. Characters that PostgreSQL cannot store are replaced."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSONB on PostgreSQL, text on SQLite."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.postgresql import JSONB  # slow to import, so only where it is used

        return dialect.type_descriptor(JSONB(none_as_null=True))

    def process_bind_param(self, value: Json, dialect: Dialect) -> Any:
        """To the database."""
        if value is None:
            return None
        return _without_nul(value) if dialect.name == "postgresql" else text_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Json:
        """From the database."""
        return _read(value) if isinstance(value, str) and dialect.name != "postgresql" else _bounded(value)


class Unreadable:
    """Stands for a stored value that is not valid JSON, so that one damaged row does not fail a whole query."""


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return Unreadable()


def text_of(value: Json) -> str:
    """The value as JSON text that every database can store."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair is not UTF-8, but JSON can escape it
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def _without_nul(value: Json) -> Json:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(key): _without_nul(item) for key, item in value.items()}
    return value


def _bounded(value: Json) -> Json:
    """PostgreSQL returns 1e30 as an integer: an integer beyond 64 bit was a float."""
    if type(value) is int and not MIN_INT <= value <= MAX_INT:
        return float(value)
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    return value
