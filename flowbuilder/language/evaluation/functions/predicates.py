"""Predicates, and the functions that accept a missing value."""

from __future__ import annotations

from typing import Any

from flowbuilder.language.evaluation.functions.registry import function
from flowbuilder.language.evaluation.operators import contains as _contains
from flowbuilder.language.limits import Meter

# The code generator implements `default`, `is_defined` and `coalesce` for missing values; these are their signatures.


@function(gives="default", aliases=("d",), renamed={"default_value": "other", "value": "other"})
def default(_meter: Meter, value: Any, other: Any = "") -> Any:
    """The value, or `other` where it is missing or null.

    `null | default("none")` -> `"none"`. `0 | default(1)` -> `0`.
    """
    return other if value is None else value


@function(gives="coalesce")
def coalesce(_meter: Meter, *values: Any) -> Any:
    """The first value that is neither missing nor null, or null. `coalesce(null, 0, 1)` -> `0`."""
    return next((value for value in values if value is not None), None)


@function(gives="boolean")
def is_defined(_meter: Meter, value: Any) -> bool:
    """Whether the value exists; null does. `is_defined("a")` -> `true`. `value is defined` means the same."""
    return True


@function(gives="boolean")
def is_null(_meter: Meter, value: Any) -> bool:
    """Whether the value is null. `null is null` -> `true`."""
    return value is None


@function(gives="boolean")
def is_text(_meter: Meter, value: Any) -> bool:
    """Whether the value is a text. `"a" is text` -> `true`."""
    return value.__class__ is str


@function(gives="boolean")
def is_number(_meter: Meter, value: Any) -> bool:
    """Whether the value is a number. `1 is number` -> `true`. `true is number` -> `false`."""
    return value.__class__ in (int, float)


@function(gives="boolean")
def is_integer(_meter: Meter, value: Any) -> bool:
    """Whether the value is an integer. `1 is integer` -> `true`. `1.0 is integer` -> `false`."""
    return value.__class__ is int


@function(gives="boolean")
def is_boolean(_meter: Meter, value: Any) -> bool:
    """Whether the value is true or false. `false is boolean` -> `true`."""
    return value.__class__ is bool


@function(gives="boolean")
def is_list(_meter: Meter, value: Any) -> bool:
    """Whether the value is a list. `[] is list` -> `true`."""
    return value.__class__ is list


@function(gives="boolean")
def is_object(_meter: Meter, value: Any) -> bool:
    """Whether the value is an object. `{"a": 1} is object` -> `true`."""
    return value.__class__ is dict


@function(gives="boolean")
def is_even(_meter: Meter, value: int) -> bool:
    """Whether an integer is even. `4 is even` -> `true`."""
    return value % 2 == 0


@function(gives="boolean")
def is_odd(_meter: Meter, value: int) -> bool:
    """Whether an integer is odd. `3 is odd` -> `true`."""
    return value % 2 == 1


@function(gives="boolean")
def is_empty(_meter: Meter, value: Any) -> bool:
    """Whether the value is null, or an empty text, list or object. `"" is empty` -> `true`."""
    return value is None or (value.__class__ in (str, list, dict) and not value)


@function(gives="boolean")
def contains(meter: Meter, value: Any, part: Any) -> bool:
    """Whether a list has the item, a text the substring, an object the key. `["a"] | contains("a")` -> `true`."""
    return _contains(meter, part, value)
