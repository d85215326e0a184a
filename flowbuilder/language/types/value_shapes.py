"""The shape of a value that exists."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.types.shapes import NOTHING, Shape
from flowbuilder.values import Json

_MAX_DEPTH: Final = 16
_MAX_ITEMS: Final = 50
"""The number of items of a list that are looked at; a list with more may hold any."""


def shape_of_value(value: Json) -> Shape:
    """The shape of an existing value; unknown below a depth of 16."""
    return _shape(value, 0)


def _shape(value: Json, depth: int) -> Shape:
    if depth > _MAX_DEPTH:
        return Shape.unknown()
    if isinstance(value, dict):
        return Shape.object_of({key: _shape(inner, depth + 1) for key, inner in value.items()})
    if isinstance(value, list):
        items = NOTHING if len(value) <= _MAX_ITEMS else Shape.unknown()
        for inner in value[:_MAX_ITEMS]:
            items = items | _shape(inner, depth + 1)
        return Shape.list_of(items)
    if isinstance(value, bool) or value is None:
        return Shape.of("null" if value is None else "boolean")
    return Shape.of("text") if isinstance(value, str) else Shape.of("number")
