"""JSON Schema validation for untrusted schemas and values: no reference is fetched, patterns run in linear time, and
the work is counted before it is done."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonschema_rs

from flowbuilder.errors import StepError
from flowbuilder.schema_bounds import MAX_WORK, SchemaBounds, bounds_of
from flowbuilder.values import Json, JsonObject, canonical, pointer, well_formed, well_formed_value

MAX_PROBLEMS = 10
_LONG_NUMBER = re.compile(r"-?[0-9]{19,}(?:[.eE][0-9.eE+-]{0,20})?")
_NUMERIC = re.compile(r'is not of types? .*"(?:integer|number)"')
_WORK_OF_ALL_ERRORS = 5_000
"""Above this work only the first error is looked for: the library collects all errors before it gives one."""


class BadSchema(ValueError):
    """A schema is not valid, or refers to something outside of itself."""


def problems(schema: JsonObject, value: Json) -> list[tuple[str, str]]:
    """The errors of a value: at most ten `(JSON pointer, message)`, none when it is valid. Raises `BadSchema`."""
    try:
        return _problems(schema, value)
    except UnicodeEncodeError:  # half of a surrogate pair, which the validator cannot read
        return _problems(schema, well_formed_value(value))
    except BadSchema:
        raise
    except ValueError as problem:  # deeper than the validator goes
        return [("", f"the value cannot be checked against this schema: {problem!s:.100}")]


def _problems(schema: JsonObject, value: Json) -> list[tuple[str, str]]:
    """The same; `UnicodeEncodeError` where the value has half of a surrogate pair."""
    validator, bounds = _checked(schema)
    work = bounds.work(value)
    if work > MAX_WORK:
        return [("", "the value is too large or too deep to be checked against this schema")]
    if validator.is_valid(value):
        return []
    if work > _WORK_OF_ALL_ERRORS:
        errors = [_first_error(validator, value)]
    else:
        errors = list(itertools.islice(validator.iter_errors(value), MAX_PROBLEMS))
    return [(pointer(error.instance_path), _message(error)) for error in errors]


def _message(error: Any) -> str:
    """The library's message; it says why a number is a text."""
    message = str(error.message)
    if isinstance(error.instance, str) and _LONG_NUMBER.fullmatch(error.instance) and _NUMERIC.search(message):
        return f"{message}: a number beyond 64 bit is read as the text of its digits; allow type: string as well"
    return message


def _first_error(validator: Any, value: Json) -> Any:
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error
    raise AssertionError("the value is not valid")


def ensure_schema(schema: JsonObject) -> None:
    """Raise `BadSchema` unless the schema is valid, and its size with all references unfolded is within the limits."""
    _checked(schema)


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


def _checked(schema: JsonObject) -> tuple[Any, SchemaBounds]:
    try:
        return _validator(well_formed(canonical(schema)))
    except RecursionError:
        raise BadSchema("the schema is nested too deeply") from None


@lru_cache(maxsize=512)
def _validator(text: str) -> tuple[Any, SchemaBounds]:
    try:
        bounds = bounds_of(json.loads(text))
        validator = jsonschema_rs.validator_for(
            text,
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(),
            validate_formats=True,
            formats={"uri": _is_iri, "uri-reference": _is_iri_reference},
        )
        return validator, bounds
    except RecursionError:
        raise
    except Exception as problem:  # the library raises its own exceptions and ValueError
        raise BadSchema(str(problem).splitlines()[0]) from None


def _format(name: str) -> Callable[[str], bool]:
    check: Callable[[str], bool] = jsonschema_rs.validator_for({"format": name}, validate_formats=True).is_valid
    return check


# addresses of pages are written as browsers show them, with letters of every script
_is_iri, _is_iri_reference = _format("iri"), _format("iri-reference")


def _refuse(uri: str) -> Any:
    raise BadSchema(f"a schema may not refer to something outside of itself: {uri}")
