"""JSON Schema validation for untrusted schemas: no reference is fetched, patterns run in linear time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs

from flowbuilder.errors import StepError
from flowbuilder.values import Json, JsonObject, canonical, pointer

MAX_PROBLEMS = 10


class BadSchema(ValueError):
    """A schema is not valid, or refers to something outside of itself."""


def problems(schema: JsonObject, value: Json) -> list[tuple[str, str]]:
    """The errors of a value: at most ten `(JSON pointer, message)`, none when it is valid. Raises `BadSchema`."""
    found = []
    for error in _validator(canonical(schema)).iter_errors(value):
        found.append((pointer(error.instance_path), error.message))
        if len(found) == MAX_PROBLEMS:
            break
    return found


def ensure_schema(schema: JsonObject) -> None:
    """Raise `BadSchema` unless the schema is valid."""
    _validator(canonical(schema))


def usable_schema(schema: JsonObject | None) -> JsonObject | None:
    """The schema, for the validator of a field; raises `ValueError` when it is not valid on its own."""
    if schema is not None:
        try:
            ensure_schema(schema)
        except BadSchema as problem:
            raise ValueError(f"not a usable JSON Schema: {problem}") from None
    return schema


def ensure_matches(schema: JsonObject, value: Json, what: str) -> None:
    """Raise `StepError` (`schema_mismatch`, with the errors as detail) unless the value is valid; `what` names it."""
    found = problems(schema, value)
    if found:
        shown = "; ".join(f"{place or '/'}: {message:.200}" for place, message in found[:3])
        detail = [{"place": place, "message": message[:200]} for place, message in found]
        raise StepError(f"{what} does not match its schema: {shown}", code="schema_mismatch", detail=detail)


@lru_cache(maxsize=512)
def _validator(text: str) -> Any:
    try:
        return jsonschema_rs.validator_for(
            text, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
        )
    except Exception as problem:  # the library raises its own exceptions and ValueError
        raise BadSchema(str(problem).splitlines()[0]) from None


def _refuse(uri: str) -> Any:
    raise BadSchema(f"a schema may not refer to something outside of itself: {uri}")
