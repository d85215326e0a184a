"""Validation of JSON against an author's or a stranger's schema: nothing is fetched, patterns run in linear time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs

from flowbuilder.values import Json, JsonObject, canonical, pointer

MAX_PROBLEMS = 10


class BadSchema(ValueError):
    """The schema itself is not valid, or refers to something outside of itself."""


def problems(schema: JsonObject, value: Json) -> list[tuple[str, str]]:
    """What is wrong with a value: `(JSON pointer, message)`, at most ten; empty when valid. Raises `BadSchema`."""
    found = []
    for error in _validator(canonical(schema)).iter_errors(value):
        found.append((pointer(error.instance_path), error.message))
        if len(found) == MAX_PROBLEMS:
            break
    return found


def ensure_schema(schema: JsonObject) -> None:
    """Raise `BadSchema` unless the schema can be used."""
    _validator(canonical(schema))


@lru_cache(maxsize=512)
def _validator(text: str) -> Any:
    try:
        return jsonschema_rs.validator_for(
            text, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
        )
    except Exception as problem:  # the library raises several kinds, its own and ValueError
        raise BadSchema(str(problem).splitlines()[0]) from None


def _refuse(uri: str) -> Any:
    raise BadSchema(f"a schema may not refer to something outside of itself: {uri}")
