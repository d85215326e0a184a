"""Functions of whole lists and of objects; some take texts too."""

from __future__ import annotations

from typing import Any

from flowbuilder.language.evaluation.functions.registry import bad_argument, function
from flowbuilder.language.evaluation.operators import kind, wrong
from flowbuilder.language.evaluation.printing import write_json
from flowbuilder.language.limits import Meter
from flowbuilder.language.text_segments import characters_in


@function(gives="integer", aliases=("len", "count", "size"))
def length(_meter: Meter, value: Any) -> int:
    """The number of items, characters or keys. `["a", "b"] | length` -> `2`. `len("abc")` -> `3`."""
    if value.__class__ in (str, list, dict):
        return len(value)
    raise wrong(f"only lists, texts and objects have a length; this is {kind(value)}")


@function(gives="first")
def first(_meter: Meter, value: Any) -> Any:
    """The first item of a list or character of a text; null of an empty one. `[3, 4] | first` -> `3`."""
    return _sequence(value)[0] if _sequence(value) else None


@function(gives="first")
def last(_meter: Meter, value: Any) -> Any:
    """The last item of a list or character of a text; null of an empty one. `[3, 4] | last` -> `4`."""
    return _sequence(value)[-1] if _sequence(value) else None


@function(gives="same", name="slice")
def slice_(meter: Meter, value: Any, start: int, length: int | None = None) -> Any:
    """`length` items or characters from `start`, by default all; a negative `start` counts from the end.

    `"abcdef" | slice(1, 3)` -> `"bcd"`. `[1, 2, 3] | slice(-2)` -> `[2, 3]`.
    """
    sequence = _sequence(value)
    if length is not None and length < 0:
        raise bad_argument("slice", "the length must not be negative")
    low = max(0, len(sequence) + start) if start < 0 else min(start, len(sequence))
    high = len(sequence) if length is None else min(len(sequence), low + length)
    meter.hold_list(max(0, high - low))
    return sequence[low:high]


def _reversed_code_points(meter: Meter, value: Any) -> Any:
    """`reverse` in the first two versions of the language: marks and parts of an emoji go to other letters."""
    sequence = _sequence(value)
    meter.hold_list(len(sequence))
    return sequence[::-1]


@function(gives="same", former={2: _reversed_code_points})
def reverse(meter: Meter, value: Any) -> Any:
    """In reverse order. `[1, 2] | reverse` -> `[2, 1]`. `"ab" | reverse` -> `"ba"`. A letter keeps its marks, and an
    emoji of several characters is whole."""
    sequence = _sequence(value)
    meter.hold_list(len(sequence))
    if sequence.__class__ is not str or (sequence.isascii() and "\r" not in sequence):
        return sequence[::-1]
    meter.hold_list(2 * len(sequence))  # the characters by themselves
    meter.work(3 * len(sequence) >> 3)
    return "".join(reversed(characters_in(sequence)))


@function(gives="same")
def unique(meter: Meter, value: list[Any]) -> list[Any]:
    """Without duplicates, in order. `[1, 2, 1, "1"] | unique` -> `[1, 2, "1"]`."""
    meter.hold_list(len(value))
    meter.hold(24 * len(value))
    meter.work(len(value))
    seen: set[object] = set()
    out = []
    for item in value:
        key = identity(meter, item)
        if key not in seen:
            seen.add(key)
            out.append(item)
    return out


@function(gives="flat")
def flatten(meter: Meter, value: list[Any]) -> list[Any]:
    """One level of inner lists removed. `[[1, 2], [3], 4] | flatten` -> `[1, 2, 3, 4]`."""
    meter.work(len(value))
    meter.hold_list(sum(len(item) if item.__class__ is list else 1 for item in value))
    out: list[Any] = []
    for item in value:
        if item.__class__ is list:
            out += item
        else:
            out.append(item)
    return out


@function(gives="list of text")
def keys(meter: Meter, value: dict[str, Any]) -> list[str]:
    """The keys, in the order of the object. `{"b": 1, "a": 2} | keys` -> `["b", "a"]`."""
    meter.hold_list(len(value))
    return list(value)


@function(gives="values")
def values(meter: Meter, value: dict[str, Any]) -> list[Any]:
    """The values, in the order of their keys. `{"b": 1, "a": 2} | values` -> `[1, 2]`."""
    meter.hold_list(len(value))
    return list(value.values())


@function(gives="items")
def items(meter: Meter, value: dict[str, Any]) -> list[Any]:
    """Lists of a key and its value, for `for key, value in object | items`. `{"a": 1} | items` -> `[["a", 1]]`."""
    meter.hold(24 * len(value) + 16)
    meter.work(2 * len(value))
    return [[key, inner] for key, inner in value.items()]


@function(gives="merged")
def merge(meter: Meter, value: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The members of both objects; those of `other` win. `{"a": 1} | merge({"b": 2})` -> `{"a": 1, "b": 2}`."""
    count = len(value) + len(other)
    meter.hold(24 * count + 32)
    meter.work(count >> 3)
    return {**value, **other}


def identity(meter: Meter, value: Any) -> object:
    """A hashable key: two values have the same key exactly when they are equal."""
    value_type = value.__class__
    if value_type is str:
        meter.work(len(value) >> 9)
        return value
    if value_type is int or value_type is float:
        return (value,)
    if value is None or value_type is bool:
        return ("constant", value)
    return ("json", _canonical(meter, value))


def _canonical(meter: Meter, value: Any) -> str:
    # with sorted keys, equal objects print the same; so do 1 and 1.0
    out: list[str] = []
    write_json(meter, _sorted(meter, value), out, 0)
    return "".join(out)


def _sorted(meter: Meter, value: Any, depth: int = 0) -> Any:
    if depth > 64:
        raise bad_argument("unique", "the items are nested too deeply")
    if value.__class__ is dict:
        meter.work(4 * len(value) + 4)
        meter.hold(24 * len(value))
        return {key: _sorted(meter, value[key], depth + 1) for key in sorted(value)}
    if value.__class__ is list:
        meter.work(2 * len(value) + 4)
        meter.hold_list(len(value))
        return [_sorted(meter, item, depth + 1) for item in value]
    if value.__class__ is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _sequence(value: Any) -> Any:
    if value.__class__ is list or value.__class__ is str:
        return value
    raise wrong(f"this takes a list or a text; it is {kind(value)}")
