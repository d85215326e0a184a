"""The shape that a JSON Schema describes: kinds, members and constants. Remote references are not fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec.structs import replace

from flowbuilder.language.types.shapes import ANY, Kind, Shape

_KINDS: Final[dict[str, Kind]] = {
    "string": "text", "number": "number", "integer": "number", "boolean": "boolean", "null": "null", "array": "list",
    "object": "object",
}  # fmt: skip
_MAX_PARTS: Final = 2_000
_MAX_DEPTH: Final = 12


def shape_of_schema(schema: Any) -> Shape:
    """The shape of the values that a JSON Schema allows.

    Unknown: recursive parts, parts beyond the first 2,000, and keywords that are not read here.
    """
    try:
        return _of_text(json.dumps(schema))
    except (TypeError, ValueError, RecursionError):
        return _Reader(schema).read(schema, ())


@lru_cache(maxsize=512)
def _of_text(schema: str) -> Shape:
    read = json.loads(schema)
    return _Reader(read).read(read, ())


class _Reader:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.count = 0

    def read(self, schema: Any, inside: tuple[str, ...], depth: int = 0) -> Shape:
        self.count += 1
        if not isinstance(schema, Mapping) or self.count > _MAX_PARTS or depth > _MAX_DEPTH:
            return Shape.unknown()
        shape = self._own(schema, inside, depth)
        if isinstance(schema.get("$ref"), str):
            shape = _both(shape, self._referred(schema["$ref"], inside, depth))
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                shape = _both(shape, self._either(schema[word], inside, depth))
        if isinstance(schema.get("allOf"), list):
            for part in schema["allOf"]:
                shape = _both(shape, self.read(part, inside, depth + 1))
        if schema.get("nullable") is True and not shape.is_unknown:
            shape = shape | Shape.of("null")
        return shape

    def _own(self, schema: Mapping[str, Any], inside: tuple[str, ...], depth: int) -> Shape:
        if "const" in schema:
            return _of_constants([schema["const"]])
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return _of_constants(schema["enum"])
        named = schema.get("type")
        names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
        kinds = frozenset(_KINDS[name] for name in names if isinstance(name, str) and name in _KINDS)
        if not kinds:
            if isinstance(schema.get("properties"), Mapping):
                kinds = frozenset(("object",))
            elif "items" in schema:
                kinds = frozenset(("list",))
            else:
                return Shape.unknown()
        shape = Shape(kinds=kinds)
        if "object" in kinds:
            shape = self._object(shape, schema, inside, depth)
        if "list" in kinds and isinstance(schema.get("items"), Mapping):
            shape = replace(shape, items=self.read(schema["items"], inside, depth + 1))
        return shape

    def _object(self, shape: Shape, schema: Mapping[str, Any], inside: tuple[str, ...], depth: int) -> Shape:
        properties, required = schema.get("properties"), schema.get("required")
        fields = {}
        if isinstance(properties, Mapping):
            for name, inner in properties.items():
                found = self.read(inner, inside, depth + 1)
                if isinstance(required, list) and name not in required:
                    found = found.with_presence("maybe", "its schema does not require it")
                fields[str(name)] = found
        others = schema.get("additionalProperties", None)
        if isinstance(others, Mapping):
            rest: Shape | None = self.read(others, inside, depth + 1)
        elif others is True or (others is None and not fields) or isinstance(schema.get("patternProperties"), Mapping):
            rest = Shape.unknown()
        else:
            # a schema that lists members and has no `additionalProperties` is read as listing all of them
            rest = None
        return replace(shape, fields=fields, rest=rest)

    def _referred(self, reference: str, inside: tuple[str, ...], depth: int) -> Shape:
        if not reference.startswith("#") or reference in inside:
            return Shape.unknown()
        found = self.root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        return self.read(found, (*inside, reference), depth + 1)

    def _either(self, schemas: list[Any], inside: tuple[str, ...], depth: int) -> Shape:
        shape = self.read(schemas[0], inside, depth + 1)
        for other in schemas[1:]:
            shape = shape | self.read(other, inside, depth + 1)
        return shape


def _both(one: Shape, other: Shape) -> Shape:
    """The shape of a value that has both shapes."""
    if one.is_unknown:
        return other
    if other.is_unknown:
        return one
    kinds = (one.kinds & other.kinds) or one.kinds
    fields = {**one.fields, **other.fields}
    rest = one.rest if other.rest is None else other.rest
    if one.fields and other.fields:
        # each schema lists its own members and does not forbid those of the other
        rest = None if one.rest is None and other.rest is None else one.rest or other.rest
    shared = set(other.values)
    values = tuple(value for value in one.values if value in shared) if one.values and other.values else ()
    return replace(
        one, kinds=kinds, fields=fields, rest=rest, items=other.items or one.items,
        values=values or one.values or other.values,
    )  # fmt: skip


def _of_constants(values: list[Any]) -> Shape:
    shape = Shape.of_value(values[0])
    for value in values[1:]:
        shape = shape | Shape.of_value(value)
    if any(isinstance(value, dict | list) for value in values) or shape.kinds == ANY:
        return shape
    return replace(shape, values=tuple(dict.fromkeys(values)))
