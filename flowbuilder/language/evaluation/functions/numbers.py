"""Functions of numbers."""

from __future__ import annotations

import builtins
from typing import Any

from flowbuilder.errors import LanguageError
from flowbuilder.language.evaluation.functions.registry import bad_argument, function
from flowbuilder.language.evaluation.operators import finite, kind, wrong
from flowbuilder.language.limits import Meter


@function(gives="number", name="abs")
def abs_(_meter: Meter, value: int | float) -> int | float:
    """The absolute value. `-3 | abs` -> `3`."""
    return finite(builtins.abs(value))


@function(gives="rounded", name="round")
def round_(_meter: Meter, value: int | float, digits: int | None = None) -> int | float:
    """Rounded to `digits` decimals, by default to an integer; a half is rounded to the even neighbour.

    `3.14159 | round(2)` -> `3.14`. `2.6 | round` -> `3`.
    """
    if digits is None:
        return finite(builtins.round(value))
    if not -20 <= digits <= 20:
        raise bad_argument("round", "the digits must be between -20 and 20")
    try:
        return finite(builtins.round(value, digits))
    except OverflowError:
        raise LanguageError("overflow", "the result is beyond what a number can hold", stage="run") from None


@function(gives="integer", name="int")
def int_(_meter: Meter, value: Any) -> int:
    """The integer in a text, or a number without its decimals. `"42" | int` -> `42`. `3.9 | int` -> `3`."""
    if value.__class__ is int:
        return int(value)
    if value.__class__ is bool:
        return 1 if value else 0
    if value.__class__ is float:
        return int(finite(int(value)))
    if value.__class__ is str and len(value) <= 40:
        try:
            return int(finite(int(value.strip()) if value.strip().lstrip("+-").isdigit() else int(_real(value))))
        except ValueError:
            pass
    raise wrong(f"{_shown(value)} is not a whole number")


@function(gives="number", name="float", aliases=("tonumber",))
def float_(_meter: Meter, value: Any) -> float:
    """The number in a text, or a number, as a floating-point number. `"3.5" | float` -> `3.5`."""
    if value.__class__ is int or value.__class__ is float:
        return float(value)
    if value.__class__ is str and len(value) <= 40:
        try:
            return _real(value)
        except ValueError:
            pass
    raise wrong(f"{_shown(value)} is not a number")


def _real(value: str) -> float:
    # Python also reads "nan", "infinity" and "1_000"
    if not value.strip()[-1:].isdigit() or "_" in value:
        raise ValueError
    return float(finite(float(value)))


def _shown(value: Any) -> str:
    return f'"{value[:40]}"' if value.__class__ is str else kind(value)


@function(gives="list of integer", name="range")
def range_(meter: Meter, first: int, last: int | None = None, step: int = 1) -> list[int]:
    """Integers from `first` (default 0) up to but not including `last`. `range(3)` -> `[0, 1, 2]`.

    `range(1, 8, 3)` -> `[1, 4, 7]`.
    """
    if step == 0:
        raise bad_argument("range", "the step must not be 0")
    low, high = (0, first) if last is None else (first, last)
    count = max(0, -((low - high) // step)) if step > 0 else max(0, -((high - low) // -step))
    # an integer takes about thirty bytes
    meter.hold(10 * count)
    meter.work(count >> 4)
    return list(builtins.range(low, high, step))
