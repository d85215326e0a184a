"""JSON values: the only kind of data that enters a context, leaves a step or is stored."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
JsonObject: TypeAlias = dict[str, Any]

MAX_DEPTH = 64
MAX_INT = 2**63 - 1
MIN_INT = -(2**63)
MAX_BYTES = 16 * 1024 * 1024


class NotJson(ValueError):
    """A value is not plain JSON of a bounded size; the message names the place and the reason."""


def ensure_json(value: object, *, max_bytes: int = MAX_BYTES, where: str = "value") -> Json:
    """Return a fresh tree equal to `value`, or raise `NotJson`.

    Only dict with text keys, list, tuple (becomes a list), str, int within 64 bit, finite float, bool and None pass:
    exact types, no subclasses, at most `MAX_DEPTH` deep and about `max_bytes` when serialised. Shared references are
    copied, so the result is always a tree.
    """
    budget = _Budget(max_bytes)
    return _copy(value, where, 0, budget)


def canonical(value: Json) -> str:
    """The one serialisation of a value that hashes are taken of: sorted keys, no spaces, UTF-8 kept."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json) -> str:
    """The sha256 of the canonical form of a JSON value, as 64 hex digits."""
    return digest_text(canonical(value))


def digest_text(text: str) -> str:
    """The sha256 of a text's UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pointer(parts: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901) of the given parts: `("steps", 0, "id")` is `/steps/0/id`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def strings_in(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text inside a JSON value, with its place: `{"a": ["x"]}` yields `(("a", 0), "x")`."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from strings_in(inner, (*at, str(key)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from strings_in(inner, (*at, index))


class _Budget:
    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def charge(self, size: int, where: str) -> None:
        self.left -= size
        if self.left < 0:
            raise NotJson(f"{where} is too large")


def _copy(value: object, where: str, depth: int, budget: _Budget) -> Json:
    kind = type(value)
    if value is None or kind is bool:
        budget.charge(5, where)
        return value  # type: ignore[return-value]
    if kind is str:
        text: str = value  # type: ignore[assignment]
        budget.charge(len(text) + 2, where)
        return text
    if kind is int:
        number: int = value  # type: ignore[assignment]
        if not MIN_INT <= number <= MAX_INT:
            raise NotJson(f"{where} is an integer beyond 64 bit")
        budget.charge(8, where)
        return number
    if kind is float:
        real: float = value  # type: ignore[assignment]
        if not math.isfinite(real):
            raise NotJson(f"{where} is not a finite number")
        budget.charge(8, where)
        return real
    if depth >= MAX_DEPTH:
        raise NotJson(f"{where} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list | tuple) and kind in (list, tuple):
        budget.charge(2 + len(value), where)
        return [_copy(item, f"{where}[{index}]", depth + 1, budget) for index, item in enumerate(value)]
    if kind is dict:
        result: JsonObject = {}
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise NotJson(f"{where} has a key that is not text: {key!r:.40}")
            budget.charge(len(key) + 4, where)
            result[key] = _copy(item, f"{where}.{key:.60}", depth + 1, budget)
        return result
    raise NotJson(f"{where} is a {kind.__name__}, which JSON does not have")
