"""Values of PostgreSQL: what is sent for a parameter, and how a value of each type is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Buffer, Loader

from flowbuilder.adapters.sql.parameters import bytes_of
from flowbuilder.errors import StepError
from flowbuilder.values import MAX_INT, MIN_INT, Json, parse_json

_MOMENT = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?)?")
_TIME = re.compile(r"(\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d)")
_AS_THEY_ARE = frozenset({"bool", "bytea", "float4", "float8", "int2", "int4", "int8", "oid"})
"""Types that psycopg reads as the Python values that JSON, or the form of bytes, has."""


def parameter(name: str, value: Json) -> Any:
    """A parameter for psycopg: lists are arrays, and objects are their JSON text. `StepError` (`invalid_field`)."""
    if isinstance(value, str) and "\0" in value:
        raise _wrong(name, "is a text with a NUL character, which PostgreSQL does not store")
    if isinstance(value, Mapping):
        content = bytes_of(name, value)
        return json.dumps(value, ensure_ascii=False) if content is None else content
    if isinstance(value, int) and not MIN_INT <= value <= MAX_INT:
        raise _wrong(name, "is an integer beyond 64 bit")
    return _array(name, value) if isinstance(value, list | tuple) else value


def _array(name: str, values: Any) -> list[Any]:
    items = [None if item is None else parameter(name, item) for item in values]
    if any(isinstance(item, Mapping) for item in values):
        raise _wrong(name, "is a list with objects, and no array: send its JSON text with the filter json")
    kinds = {type(item) for item in items if item is not None}
    if kinds == {int, float}:
        return [None if item is None else float(item) for item in items]
    if len(kinds) > 1:
        raise _wrong(
            name, "is a list of values of several kinds, and no array: send its JSON text with the filter json"
        )
    return items


def _wrong(name: str, reason: str) -> StepError:
    return StepError(f"the parameter {name} {reason}", code="invalid_field", definitive=True)


class _Text(Loader):
    """The text that PostgreSQL writes."""

    def load(self, data: Buffer) -> Any:
        return bytes(data).decode("utf-8", "replace")


class _Moment(Loader):
    """An ISO date and time: `2026-01-31T10:00:00+00:00`; other texts (`infinity`, years before Christ) as they are."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        if found := _MOMENT.fullmatch(text):
            day, time, hours, minutes = found.groups()
            return f"{day}T{time}{hours or ''}{(minutes or ':00') if hours else ''}"
        return f"{text}:00" if _TIME.fullmatch(text) else text


class _Json(Loader):
    """The value; a number that JSON numbers of 64 bit cannot hold is its text."""

    def load(self, data: Buffer) -> Any:
        try:
            return parse_json(bytes(data).decode("utf-8", "replace"))
        except RecursionError:
            raise StepError("a value has too many levels of lists and objects", code="too_large") from None


class _Context:
    """The loaders, for psycopg."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        self.adapters.register_loader(0, _Text)
        own: dict[str, Any] = {"json": _Json, "jsonb": _Json}
        own |= dict.fromkeys(("timestamp", "timestamptz", "timetz"), _Moment)
        for known in psycopg.adapters.types:
            if known.name not in _AS_THEY_ARE:
                self.adapters.register_loader(known.oid, own.get(known.name, _Text))


CONTEXT = _Context()
