"""The shape that a JSON Schema describes: kinds, members and constants. Remote references are not fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import Any, Final, TypeGuard

from msgspec.structs import replace

from flowbuilder.language.types.shapes import ANY, Kind, Shape
from flowbuilder.language.types.value_shapes import shape_of_value

_KINDS: Final[dict[str, Kind]] = {
    "string": "text", "number": "number", "integer": "number", "boolean": "boolean", "null": "null", "array": "list",
    "object": "object",
}  # fmt: skip
_MAX_PARTS: Final = 2_000
_MAX_DEPTH: Final = 12
_NEWEST: Final = "json-schema.org/draft/2020-12/schema"
_REFS_STAND_ALONE: Final = ("json-schema.org/draft-06/schema", "json-schema.org/draft-07/schema")
"""Dialects in which the words beside a `$ref` mean nothing."""
_DIALECTS: Final = (_NEWEST, "json-schema.org/draft/2019-09/schema", *_REFS_STAND_ALONE)


def shape_of_schema(schema: Any) -> Shape:
    """A shape that every value has which the validator (`flowbuilder.json_schema`) accepts for a JSON Schema.

    A word that is not read here only makes the shape wider than it might be. Unknown: recursive parts, parts beyond the
    first 2,000, references other than `#/a/b`, and schemas whose words may mean something else (`_means_the_same`).
    """
    try:
        return _of_text(json.dumps(schema))
    except (TypeError, ValueError, RecursionError):
        return Shape.unknown()


@lru_cache(maxsize=512)
def _of_text(schema: str) -> Shape:
    read = json.loads(schema)
    dialect = _dialect(read)
    return _Reader(read, dialect).read(read, ()) if dialect is not None and _means_the_same(read) else Shape.unknown()


def _dialect(schema: Any) -> str | None:
    """The dialect of a schema; None for one whose words are not known here."""
    written = schema.get("$schema", _NEWEST) if isinstance(schema, Mapping) else _NEWEST
    named = str(written).removesuffix("#").removeprefix("https://").removeprefix("http://")
    return named if named in _DIALECTS else None


def _means_the_same(schema: Any) -> bool:
    """Whether no part of a schema, except the whole, changes what references or words mean: `$id`, `$schema`."""
    ahead = [*schema.values()] if isinstance(schema, Mapping) else []
    while ahead:
        part = ahead.pop()
        if isinstance(part, Mapping):
            if any(isinstance(part.get(word), str) for word in ("$id", "$schema")):
                return False
            ahead += part.values()
        elif isinstance(part, list):
            ahead += part
    return True


class _Reader:
    def __init__(self, root: Any, dialect: str) -> None:
        self.root = root
        self.refs_stand_alone = dialect in _REFS_STAND_ALONE
        self.count = 0

    def read(self, schema: Any, inside: tuple[str, ...], depth: int = 0) -> Shape:
        self.count += 1
        if not isinstance(schema, Mapping) or self.count > _MAX_PARTS or depth > _MAX_DEPTH:
            return Shape.unknown()
        reference = schema.get("$ref")
        if self.refs_stand_alone and reference is not None:
            return self._referred(reference, inside, depth)
        shape = self._own(schema, inside, depth)
        if reference is not None:
            shape = _both(shape, self._referred(reference, inside, depth))
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
            if not isinstance(schema.get("properties"), Mapping) and "items" not in schema:
                return Shape.unknown()
            # what is meant; but such a schema allows values of every other kind too
            kinds = frozenset(("object" if "properties" in schema else "list",))
        shape = Shape(kinds=kinds, is_open=not names)
        if "object" in kinds:
            shape = self._object(shape, schema, inside, depth)
        if "list" in kinds:
            shape = replace(shape, items=self._items(schema, inside, depth))
        return shape

    def _items(self, schema: Mapping[str, Any], inside: tuple[str, ...], depth: int) -> Shape | None:
        """The shape of all items, wherever they stand; None where some are not described."""
        first, others = schema.get("prefixItems", []), schema.get("items")
        if not isinstance(first, list) or not isinstance(others, Mapping):
            return None
        shape = self.read(others, inside, depth + 1)
        for part in first:
            shape = shape | self.read(part, inside, depth + 1)
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
        others, matching = schema.get("additionalProperties"), schema.get("patternProperties")
        rests = [self.read(part, inside, depth + 1) for part in matching.values()] if _is_map(matching) else []
        if others is False:
            return replace(shape, fields=fields, rest=reduce(or_, rests) if rests else None)
        if others is None and fields and not rests:
            # an author who names a member that is not listed has made a mistake, but a value may have more members
            return replace(shape, fields=fields, rest=None, is_open=True)
        rest = self.read(others, inside, depth + 1)
        return replace(shape, fields=fields, rest=reduce(or_, rests, rest))

    def _referred(self, reference: Any, inside: tuple[str, ...], depth: int) -> Shape:
        plain = isinstance(reference, str) and (reference == "#" or reference.startswith("#/"))
        # the validator decodes percent signs, and an anchor may stand anywhere
        if not plain or "%" in reference or reference in inside:
            return Shape.unknown()
        found = self.root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        return self.read(found, (*inside, reference), depth + 1)

    def _either(self, schemas: list[Any], inside: tuple[str, ...], depth: int) -> Shape:
        return reduce(or_, (self.read(part, inside, depth + 1) for part in schemas))


def _is_map(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and bool(value)


def _both(one: Shape, other: Shape) -> Shape:
    """The shape of a value that has both shapes: each part of either holds for it."""
    if one == Shape.unknown():
        return other
    if other == Shape.unknown():
        return one
    one, other = _certain(one), _certain(other)
    kinds = (one.kinds & other.kinds) or one.kinds
    fields = {
        name: _both_members(one.fields.get(name), other.fields.get(name)) for name in (*one.fields, *other.fields)
    }
    shared = set(other.values)
    values = tuple(value for value in one.values if value in shared) if one.values and other.values else ()
    objects = [shape for shape in (one, other) if shape.fields or shape.rest is not None or shape.is_open]
    closed = any(shape.rest is None and not shape.is_open for shape in objects)
    proven = any(
        shape.kinds == kinds and not shape.is_open and not (shape.rest is not None and shape.rest.is_unknown)
        for shape in (one, other)
    )
    rests = [shape.rest for shape in objects if shape.rest is not None]
    described = next((rest for rest in rests if not rest.is_unknown), None)
    rest = described or next(iter(rests), None)
    if len(rests) < len(objects) and described is None:
        rest = None  # what one schema lists, an author must name as it is written there
    return replace(
        one, kinds=kinds, fields=fields, rest=None if closed else rest,
        is_open=not proven and (one.is_open or other.is_open), items=other.items or one.items,
        values=values or one.values or other.values,
    )  # fmt: skip


def _certain(shape: Shape) -> Shape:
    """What holds of every value of a shape. Of an open shape of several kinds, one kind may be that of an alternative
    which allows all values: then the members and items of the others do not hold."""
    if not shape.is_open or len(shape.kinds) < 2:
        return shape
    return replace(shape, fields={}, rest=Shape.unknown() if "object" in shape.kinds else None, items=None)


def _both_members(one: Shape | None, other: Shape | None) -> Shape:
    if one is None or other is None:
        return one or other or Shape.unknown()
    joint = _both(one, other)
    return joint.with_presence("always") if "always" in (one.presence, other.presence) else joint


def _of_constants(values: list[Any]) -> Shape:
    shape = shape_of_value(values[0])
    for value in values[1:]:
        shape = shape | shape_of_value(value)
    if any(isinstance(value, dict | list) for value in values) or shape.kinds == ANY:
        return shape
    return replace(shape, values=tuple(dict.fromkeys(values)))
