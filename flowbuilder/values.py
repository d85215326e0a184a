"""JSON values: the only data that enters a context, leaves a step or is stored."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
JsonObject: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value inside another one: `("steps", 0, "id")`."""

_NO_CHARACTER = re.compile("[\ud800-\udfff\0]")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_LONG_NUMBER = re.compile(r"[0-9]{19}|[0-9][eE]\+?[0-9]{3}")
"""What a JSON text with a number beyond 64 bit has."""
_MOST_BITS = 14_000
"""Of the longest integer that Python writes as text."""
MAX_DEPTH = 64
MAX_INT = 2**63 - 1
MIN_INT = -(2**63)
MAX_BYTES = 16 * 1024 * 1024


class NotJson(ValueError):
    """A value is not plain JSON of a bounded size; the message names the place and the reason."""


def ensure_json(
    value: object,
    *,
    max_bytes: int = MAX_BYTES,
    where: str = "value",
    well_formed: bool = False,
    long_integers_as_text: bool = False,
) -> Json:
    """A copy of `value` that is plain JSON; raises `NotJson` where it is not.

    Allowed are dict with str keys, list, tuple (becomes a list), str, int within 64 bit, finite float, bool and None:
    these exact types, no subclasses, at most `MAX_DEPTH` deep and about `max_bytes` when serialised. Shared references
    are copied, so the result is a tree. With `well_formed`, U+FFFD takes the place of each half of a surrogate pair
    and of NUL: no text with a half can be sent or shown, and not every database and program takes NUL. With
    `long_integers_as_text`, the digits of an integer beyond 64 bit take its place, as in `parse_json`.
    """
    try:
        return _copy(value, 0, _Budget(max_bytes, well_formed, long_integers_as_text))
    except _NotPlain as problem:
        raise NotJson(f"{where}{''.join(reversed(problem.place))} {problem.reason}") from None


def parse_json(source: str | bytes) -> Any:
    """The value of a JSON text from outside. A number beyond 64 bit is the text of its digits: no digit is lost.

    Raises `ValueError` where the source is no JSON, `RecursionError` where it is nested too deeply.
    """
    if isinstance(source, bytes):
        source = source.decode(json.detect_encoding(source), "surrogatepass")
    if _LONG_NUMBER.search(source) is None:
        return json.loads(source)
    return json.loads(source, parse_int=_integer_or_text, parse_float=_float_or_text)


def _integer_or_text(digits: str) -> int | str:
    if len(digits) > 20:
        return digits
    number = int(digits)
    return number if MIN_INT <= number <= MAX_INT else digits


def _float_or_text(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def well_formed(text: str) -> str:
    """The text with U+FFFD in the place of each half of a surrogate pair and of NUL; the same object without them."""
    return text if text.isascii() and "\0" not in text else _NO_CHARACTER.sub("\ufffd", text)


def well_formed_value(value: Json) -> Json:
    """The same of a JSON value, in its texts and keys: a copy."""
    text = well_formed(json.dumps(value, ensure_ascii=False))
    found: Json = json.loads(_ESCAPED_NUL.sub("\\1\ufffd", text) if r"\u0000" in text else text)
    return found


def canonical(value: Json) -> str:
    """The canonical JSON text of a value, from which hashes are computed: sorted keys, no spaces, no ASCII escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json) -> str:
    """The sha256 of the canonical form of a JSON value, as 64 hex digits."""
    return digest_text(canonical(value))


def digest_text(text: str) -> str:
    """The sha256 of a text's UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pointer(place: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a place: `("steps", 0, "id")` is `/steps/0/id`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def walk_values(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value in nested objects and lists that is itself neither of them, with its place."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, (dict, Mapping)):
        for key, inner in value.items():
            yield from walk_values(inner, (*at, key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from walk_values(inner, (*at, index))
    else:
        yield at, value


def map_values(value: Any, change: Callable[[Place, Any], Any], at: Place = ()) -> Any:
    """A copy of nested objects and lists in which `change(place, value)` replaces each value that is neither of them.

    A tuple becomes a list.
    """
    if isinstance(value, str):
        return change(at, value)
    if isinstance(value, (dict, Mapping)):
        return {key: map_values(inner, change, (*at, key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_values(inner, change, (*at, index)) for index, inner in enumerate(value)]
    return change(at, value)


def strings_in(value: object) -> Iterator[tuple[Place, str]]:
    """Every string inside a JSON value, with its place: `{"a": ["x"]}` yields `(("a", 0), "x")`."""
    return ((place, inner) for place, inner in walk_values(value) if isinstance(inner, str))


class _Budget:
    __slots__ = ("left", "long_integers_as_text", "well_formed")

    def __init__(self, left: int, well_formed: bool, long_integers_as_text: bool) -> None:
        self.left = left
        self.well_formed = well_formed
        self.long_integers_as_text = long_integers_as_text


class _NotPlain(Exception):
    """The reason why a value is not JSON; `place` is collected from the innermost part outwards."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place: list[str] = []


def _copy(value: Any, depth: int, budget: _Budget) -> Json:
    kind = type(value)
    if kind is str:
        budget.left -= len(value) + 2
        if budget.well_formed:
            value = well_formed(value)
    elif kind is dict or kind is list or kind is tuple:
        return _copy_inside(value, depth, budget)
    elif value is None or kind is bool:
        budget.left -= 5
    elif kind is int:
        if not MIN_INT <= value <= MAX_INT:
            if not budget.long_integers_as_text or value.bit_length() > _MOST_BITS:
                raise _NotPlain("is an integer beyond 64 bit; a text can hold it")
            value = str(value)
            budget.left -= len(value)
        budget.left -= 8
    elif kind is float:
        if not math.isfinite(value):
            raise _NotPlain("is not a finite number")
        budget.left -= 8
    else:
        raise _NotPlain(f"is a {kind.__name__}, which JSON does not have")
    if budget.left < 0:
        raise _NotPlain("is too large")
    result: Json = value
    return result


def _copy_inside(value: Any, depth: int, budget: _Budget) -> Json:
    if depth >= MAX_DEPTH:
        raise _NotPlain(f"is nested deeper than {MAX_DEPTH} levels")
    budget.left -= 2 + len(value)
    if budget.left < 0:
        raise _NotPlain("is too large")
    part: str | int = ""
    try:
        if type(value) is dict:
            members: JsonObject = {}
            for part, item in value.items():
                if type(part) is not str:
                    break
                budget.left -= len(part) + 4
                members[well_formed(part) if budget.well_formed else part] = _copy(item, depth + 1, budget)
            else:
                return members
        else:
            items: list[Json] = []
            for part, item in enumerate(value):  # noqa: B007 - the place of the problem
                items.append(_copy(item, depth + 1, budget))
            return items
    except _NotPlain as problem:
        problem.place.append(f"[{part}]" if type(part) is int else f".{part:.60}")
        raise
    raise _NotPlain(f"has a key that is not text: {part!r:.40}")
