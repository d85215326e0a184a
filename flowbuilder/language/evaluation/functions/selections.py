"""Functions of the members of a list's items: map, filter, sort, aggregate."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from flowbuilder.language.evaluation.functions.registry import Key, function
from flowbuilder.language.evaluation.operators import MISSING, equal, finite, kind, soft_item, undefined, wrong
from flowbuilder.language.limits import Meter


@function(gives="plucked", aliases=("pluck",), renamed={"attribute": "key"})
def map(meter: Meter, value: list[Any], key: Key, *, default: Any = MISSING) -> list[Any]:
    """The member `key` of each item, or `default` where it is missing. `[{"a": 1}, {"a": 2}] | map("a")` -> `[1, 2]`.

    A path goes deeper: `[{"a": {"b": 1}}] | map("a.b")` -> `[1]`. `[{}] | map("a", default=0)` -> `[0]`.
    """
    meter.hold_list(len(value))
    read = _member_reader(meter, value, key, default)
    return [read(item) for item in value]


@function(gives="same", renamed={"attribute": "key"})
def where(meter: Meter, value: list[Any], key: Key, equals: Any = MISSING) -> list[Any]:
    """The items whose member `key` equals `equals`, or without it is truthy. A missing member counts as null.

    `[{"a": 1}, {"a": 2}] | where("a", 2)` -> `[{"a": 2}]`. `[{"ok": true}, {}] | where("ok")` -> `[{"ok": true}]`.
    """
    meter.hold_list(len(value))
    read = _member_reader(meter, value, key, None)
    if equals is MISSING:
        return [item for item in value if read(item)]
    meter.work(len(value))
    return [item for item in value if equal(meter, read(item), equals)]


@function(gives="same", renamed={"attribute": "key"})
def reject(meter: Meter, value: list[Any], key: Key, equals: Any = MISSING) -> list[Any]:
    """The items that `where` leaves out. `[{"a": 1}, {"a": 2}] | reject("a", 2)` -> `[{"a": 1}]`."""
    meter.hold_list(len(value))
    read = _member_reader(meter, value, key, None)
    if equals is MISSING:
        return [item for item in value if not read(item)]
    meter.work(len(value))
    return [item for item in value if not equal(meter, read(item), equals)]


@function(gives="same", renamed={"attribute": "key"})
def sort(meter: Meter, value: list[Any], key: Key | None = None, reverse: bool = False) -> list[Any]:
    """Numbers or texts in ascending order, or items by their member `key`; the sort is stable.

    `[3, 1, 2] | sort` -> `[1, 2, 3]`. `[{"v": 1}, {"v": 5}] | sort("v", reverse=true)` -> `[{"v": 5}, {"v": 1}]`.
    """
    keys = _sortable(meter, value, key)
    rounds = len(value).bit_length()
    size = builtins.sum(len(item) for item in keys) if keys and keys[0].__class__ is str else 0
    meter.hold(3 * 16 * len(value))
    meter.work((len(value) * rounds >> 2) + ((size * rounds) >> 9))
    order = sorted(range(len(value)), key=keys.__getitem__, reverse=reverse)
    return [value[index] for index in order]


@function(gives="sum", renamed={"attribute": "key"})
def sum(meter: Meter, value: list[Any], key: Key | None = None) -> int | float:
    """The sum of numbers, or of a member of the items. `[1, 2.5] | sum` -> `3.5`. `[{"v": 2}] | sum("v")` -> `2`."""
    read = _member_reader(meter, value, key, MISSING)
    total: int | float = 0
    for item in value:
        number = read(item)
        if number.__class__ is not int and number.__class__ is not float:
            raise wrong(f"cannot add up {kind(number)}", "only numbers can be added up")
        total = finite(total + number)
    return total


@function(gives="extreme", renamed={"attribute": "key"})
def min(meter: Meter, value: list[Any], key: Key | None = None) -> Any:
    """The smallest number or text, or the item with the smallest member; null of `[]`. `[3, 1] | min` -> `1`."""
    return _extreme(meter, value, key, smallest=True)


@function(gives="extreme", renamed={"attribute": "key"})
def max(meter: Meter, value: list[Any], key: Key | None = None) -> Any:
    """The largest number or text, or the item with the largest member; null of `[]`. `[3, 1] | max` -> `3`.

    `[{"v": 1}, {"v": 5}] | max("v")` -> `{"v": 5}`.
    """
    return _extreme(meter, value, key, smallest=False)


def _extreme(meter: Meter, value: list[Any], key: str | None, *, smallest: bool) -> Any:
    keys = _sortable(meter, value, key)
    if not keys:
        return None
    size = builtins.sum(len(item) for item in keys) if keys[0].__class__ is str else 0
    meter.work(size >> 9)
    best = 0
    for index in range(1, len(keys)):
        if keys[index] < keys[best] if smallest else keys[index] > keys[best]:
            best = index
    return value[best]


def _sortable(meter: Meter, value: list[Any], key: str | None) -> list[Any]:
    meter.hold_list(len(value))
    read = _member_reader(meter, value, key, MISSING)
    keys = [read(item) for item in value]
    meter.work(len(keys) >> 1)
    classes = {item.__class__ for item in keys}
    if classes <= {int, float} or classes <= {str}:
        return keys
    unordered = next((item for item in keys if item.__class__ not in (int, float, str)), None)
    if unordered is None and None not in keys:
        raise wrong("cannot order numbers and texts together", "convert them to one type first")
    raise wrong(f"cannot order {kind(unordered)}", "only numbers, or only texts, have an order")


def _member_reader(meter: Meter, value: list[Any], key: str | None, default: Any) -> Callable[[Any], Any]:
    if key is None:
        meter.work(len(value) >> 1)
        return lambda item: item
    path = path_of(key)
    meter.work(len(value) * len(path))

    def read(item: Any) -> Any:
        for part in path:
            item = soft_item(item, place_in(item, part))
            if item is MISSING:
                if default is MISSING:
                    raise undefined(f"an item has no {part}", "give another value for it, or filter with where first")
                return default
        return item

    return read


def path_of(key: str) -> list[str]:
    """The names of a path such as `page.title`."""
    return key.split(".") if len(key) <= 200 else [key]


def place_in(item: Any, name: str) -> str | int:
    """What a name of a path is in an item: the name of a member, or of a list the index of an item."""
    return int(name) if item.__class__ is list and name.isdecimal() and len(name) < 9 else name
