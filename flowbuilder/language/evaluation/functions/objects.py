"""Functions of objects."""

from __future__ import annotations

from typing import Any

from flowbuilder.language.evaluation.functions.registry import function
from flowbuilder.language.limits import Meter


@function(gives="list of text")
def keys(meter: Meter, value: dict[str, Any]) -> list[str]:
    """The keys, in their order. `{"b": 1, "a": 2} | keys` -> `["b", "a"]`."""
    meter.hold_list(len(value))
    return list(value)


@function(gives="values")
def values(meter: Meter, value: dict[str, Any]) -> list[Any]:
    """The values, in the order of their keys. `{"b": 1, "a": 2} | values` -> `[1, 2]`."""
    meter.hold_list(len(value))
    return list(value.values())


@function(gives="items")
def items(meter: Meter, value: dict[str, Any]) -> list[Any]:
    """Lists of key and value, for `for key, value in object | items`. `{"a": 1} | items` -> `[["a", 1]]`."""
    meter.hold(24 * len(value) + 16)
    meter.work(2 * len(value))
    return [[key, inner] for key, inner in value.items()]


@function(gives="merged")
def merge(meter: Meter, value: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both objects in one; where both have a key, `other` wins. `{"a": 1} | merge({"b": 2})` -> `{"a": 1, "b": 2}`."""
    count = len(value) + len(other)
    meter.hold(24 * count + 32)
    meter.work(count >> 3)
    return {**value, **other}
