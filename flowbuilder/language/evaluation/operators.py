"""The operators at run time: each takes and returns JSON, and charges the meter for its size before it works."""

from __future__ import annotations

from typing import Any, Final

from flowbuilder.errors import LanguageError
from flowbuilder.language.limits import LIMITS, Meter
from flowbuilder.values import MAX_INT, MIN_INT, Json

KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


class Missing:
    """The sentinel for a missing value. It is never part of a result."""

    def __repr__(self) -> str:
        return "missing"


MISSING: Final[Any] = Missing()


def kind(value: object) -> str:
    """The type of a value in an author's words."""
    return KINDS.get(type(value), type(value).__name__)


def wrong(message: str, hint: str = "") -> LanguageError:
    """The `type` error of a value of the wrong type."""
    return LanguageError("type", message, stage="run", hint=hint)


def undefined(message: str, hint: str = "") -> LanguageError:
    """The `undefined` error of a missing name or member."""
    return LanguageError("undefined", message, stage="run", hint=hint)


def finite(value: int | float) -> int | float:
    """The number, if it is within bounds; raises `overflow`."""
    if value.__class__ is int:
        if MIN_INT <= value <= MAX_INT:
            return value
    elif value - value == 0:
        return value
    raise LanguageError("overflow", "the result is beyond what a number can hold", stage="run")


def _numbers(a: object, b: object) -> bool:
    first, second = a.__class__, b.__class__
    return (first is int or first is float) and (second is int or second is float)


def add(meter: Meter, a: Any, b: Any) -> Json:
    """`a + b` of numbers, texts or lists."""
    if _numbers(a, b):
        return finite(a + b)
    if a.__class__ is str and b.__class__ is str:
        meter.hold(len(a) + len(b))
        joined: Json = a + b
        return joined
    if a.__class__ is list and b.__class__ is list:
        meter.hold_list(len(a) + len(b))
        longer: Json = a + b
        return longer
    hint = "turn the number into text first: value | string" if str in (a.__class__, b.__class__) else ""
    raise wrong(f"cannot add {kind(b)} to {kind(a)}", hint)


def subtract(_meter: Meter, a: Any, b: Any) -> Json:
    """`a - b` of numbers."""
    if _numbers(a, b):
        return finite(a - b)
    raise wrong(f"cannot subtract {kind(b)} from {kind(a)}")


def multiply(_meter: Meter, a: Any, b: Any) -> Json:
    """`a * b` of numbers."""
    if _numbers(a, b):
        return finite(a * b)
    raise wrong(f"cannot multiply {kind(a)} by {kind(b)}")


def divide(_meter: Meter, a: Any, b: Any) -> Json:
    """`a / b` of numbers, always a floating-point number."""
    if _numbers(a, b):
        if b == 0:
            raise LanguageError("division", "division by zero", stage="run")
        return finite(a / b)
    raise wrong(f"cannot divide {kind(a)} by {kind(b)}")


def floor_divide(_meter: Meter, a: Any, b: Any) -> Json:
    """`a // b` of numbers, rounded down."""
    if _numbers(a, b):
        if b == 0:
            raise LanguageError("division", "division by zero", stage="run")
        return finite(a // b)
    raise wrong(f"cannot divide {kind(a)} by {kind(b)}")


def modulo(_meter: Meter, a: Any, b: Any) -> Json:
    """`a % b` of numbers; the result has the sign of `b`."""
    if _numbers(a, b):
        if b == 0:
            raise LanguageError("division", "division by zero", stage="run")
        return finite(a % b)
    raise wrong(f"cannot take {kind(a)} modulo {kind(b)}")


def negate(_meter: Meter, a: Any) -> Json:
    """`-a` of a number."""
    if a.__class__ is int or a.__class__ is float:
        return finite(-a)
    raise wrong(f"cannot negate {kind(a)}")


def _comparable(meter: Meter, a: Any, b: Any) -> None:
    if _numbers(a, b):
        return
    if a.__class__ is str and b.__class__ is str:
        meter.work(min(len(a), len(b)) >> 9)
        return
    raise wrong(f"cannot order {kind(a)} and {kind(b)}", "both must be numbers, or both texts")


def less(meter: Meter, a: Any, b: Any) -> bool:
    """`a < b` of two numbers or two texts."""
    _comparable(meter, a, b)
    return bool(a < b)


def less_equal(meter: Meter, a: Any, b: Any) -> bool:
    """`a <= b` of two numbers or two texts."""
    _comparable(meter, a, b)
    return bool(a <= b)


def greater(meter: Meter, a: Any, b: Any) -> bool:
    """`a > b` of two numbers or two texts."""
    _comparable(meter, a, b)
    return bool(a > b)


def greater_equal(meter: Meter, a: Any, b: Any) -> bool:
    """`a >= b` of two numbers or two texts."""
    _comparable(meter, a, b)
    return bool(a >= b)


def equal(meter: Meter, a: Any, b: Any, depth: int = 0) -> bool:
    """Whether two JSON values are the same: `1 == 1.0` is true, `1 == true` and `1 == "1"` are false."""
    first, second = a.__class__, b.__class__
    if first is not second:
        return _numbers(a, b) and bool(a == b)
    if first is str:
        if len(a) != len(b):
            return False
        meter.work(len(a) >> 9)
        return bool(a == b)
    if first is list:
        if len(a) != len(b):
            return False
        check_depth(depth)
        meter.work(len(a) + 4)
        return all(equal(meter, x, y, depth + 1) for x, y in zip(a, b, strict=True))
    if first is dict:
        if len(a) != len(b):
            return False
        check_depth(depth)
        meter.work(2 * len(a) + 4)
        return all(key in b and equal(meter, value, b[key], depth + 1) for key, value in a.items())
    return bool(a == b)


def unequal(meter: Meter, a: Any, b: Any) -> bool:
    """`a != b`."""
    return not equal(meter, a, b)


def contains(meter: Meter, item: Any, container: Any) -> bool:
    """`item in container`: an item of a list, a part of a text, or a key of an object."""
    where = container.__class__
    if where is list:
        if item.__class__ is str:
            meter.work((len(container) * (8 + (len(item) >> 5))) >> 7)
            return item in container
        meter.work(len(container))
        return any(equal(meter, item, other) for other in container)
    if where is dict:
        return item.__class__ is str and item in container
    if where is str:
        if item.__class__ is not str:
            raise wrong(f"a text contains texts; this looks for {kind(item)}", "write value | string")
        search(meter, container, item)
        return item in container
    raise wrong(f"`in` searches a list, a text or an object; this is {kind(container)}")


def excludes(meter: Meter, item: Any, container: Any) -> bool:
    """`item not in container`."""
    return not contains(meter, item, container)


def search(meter: Meter, text: str, part: str) -> None:
    """Charge a substring search: it may compare the part at every position of the text."""
    meter.work((len(text) * min(len(part) + 1, 100)) >> 10)


def item(_meter: Meter, value: Any, key: Any) -> Json:
    """`value[key]` with a computed key."""
    found = soft_item(value, key)
    if found is MISSING:
        shown = repr(key) if key.__class__ in (int, float) else f'"{str(key)[:60]}"'
        raise undefined(f"{kind(value)} has no {shown}")
    result: Json = found
    return result


def soft_item(value: Any, key: Any) -> Any:
    """`value[key]`, or `MISSING`."""
    if value.__class__ is dict:
        return value.get(key, MISSING) if key.__class__ is str else MISSING
    if (value.__class__ is list or value.__class__ is str) and key.__class__ is int:
        return value[key] if -len(value) <= key < len(value) else MISSING
    return MISSING


def cut(meter: Meter, value: Any, low: Any, high: Any) -> Json:
    """`value[low:high]` of a list or a text."""
    for edge in (low, high):
        if edge is not None and edge.__class__ is not int:
            raise wrong(f"the edge of a slice is a whole number; this is {kind(edge)}")
    if value.__class__ is str:
        meter.hold(len(range(*slice(low, high).indices(len(value)))))
        part: Json = value[low:high]
        return part
    if value.__class__ is list:
        meter.hold_list(len(range(*slice(low, high).indices(len(value)))))
        items: Json = value[low:high]
        return items
    raise wrong(f"only lists and texts can be sliced; this is {kind(value)}")


def iterate(meter: Meter, value: Any, weight: int) -> list[Any]:
    """The list that a loop iterates; charges the whole loop, `weight` steps for each item."""
    if value.__class__ is not list:
        hint = "use `| items`, `| keys` or `| values`" if value.__class__ is dict else ""
        raise wrong(f"a loop needs a list; this is {kind(value)}", hint)
    meter.work(len(value) * weight)
    result: list[Any] = value
    return result


def iterate_pairs(meter: Meter, value: Any, weight: int, size: int) -> list[Any]:
    """The list of lists that a loop with several variables iterates."""
    rows = iterate(meter, value, weight + 1)
    if any(row.__class__ is not list or len(row) != size for row in rows):
        raise wrong(f"a loop with {size} names needs a list of lists of {size} items", "for an object write | items")
    return rows


def check_depth(depth: int) -> None:
    """Raise `not_json` at the maximal nesting depth of a value."""
    if depth >= LIMITS.value_depth:
        raise LanguageError("not_json", f"the value is nested deeper than {LIMITS.value_depth} levels", stage="run")
