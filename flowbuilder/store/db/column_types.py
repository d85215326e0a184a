"""Column types: moments, exact JSON values, and JSON that a query can search."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from flowbuilder.values import MAX_INT, MIN_INT, Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database counts itself: SQLite does that only for its own INTEGER."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: a timestamp with time zone, or microseconds since 1970 where the database has no such type."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Into the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Out of the database."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else _EPOCH + timedelta(microseconds=value)


class Exact(TypeDecorator[Json]):
    """A JSON value as text, so that it comes back exactly: number for number, and with its keys in order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str | None:
        """Into the database. None is NULL."""
        return None if value is None else text_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Json:
        """Out of the database."""
        return None if value is None else _read(value)


class Utf8Text(TypeDecorator[str]):
    """Text that people or programs wrote. Characters that no PostgreSQL text can hold are replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Into the database."""
        return None if value is None else _text(value)


class Searchable(TypeDecorator[Json]):
    """JSON that a query can look into. Characters that no PostgreSQL text can hold are replaced."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        return dialect.type_descriptor(JSONB(none_as_null=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Json, dialect: Dialect) -> Any:
        """Into the database."""
        if value is None:
            return None
        return _holdable(value) if dialect.name == "postgresql" else text_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Json:
        """Out of the database."""
        return _read(value) if isinstance(value, str) and dialect.name != "postgresql" else _bounded(value)


class Unreadable:
    """Stands for a value that is no JSON any more. One row's must not keep others from being read."""


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return Unreadable()


def text_of(value: Json) -> str:
    """The value as JSON text that every database can hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8, but JSON can say it
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def _holdable(value: Json) -> Json:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_holdable(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _holdable(item) for key, item in value.items()}
    return value


def _text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "�")
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def _bounded(value: Json) -> Json:
    """PostgreSQL writes 1e30 as a whole number; whatever is beyond 64 bit was a float."""
    if type(value) is int and not MIN_INT <= value <= MAX_INT:
        return float(value)
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    return value
