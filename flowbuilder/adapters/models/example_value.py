"""Example values for a JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowbuilder.values import Json, JsonObject

MAX_DEPTH = 12
Fill = Callable[[str, JsonObject], Json]


def example_value(schema: JsonObject, fill: Fill | None = None) -> Any:
    """The smallest sensible value for a schema, valid if the schema uses only common keywords.

    Those are `type`, `properties`, `required`, `enum`, `const`, `default`, `items`, `minItems`, bounds and lengths,
    `anyOf`, `oneOf`, `allOf` and local `$ref`.

    `fill(name, schema)` may give a value for the property of that name, or None.
    """
    return _ExampleBuilder(schema, fill or (lambda name, part: None)).value(schema, "", 0)


class _ExampleBuilder:
    def __init__(self, root: JsonObject, fill: Fill) -> None:
        self._root = root
        self._fill = fill

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return None
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = _kind(schema)
        if kind != "object" and name and (offered := self._fill(name, schema)) is not None:
            return offered
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = max(int(schema.get("minItems", 0)), 0)
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(min(count, 100))]
        if kind in ("number", "integer"):
            return _number(schema, whole=kind == "integer")
        if kind == "boolean":
            return False
        if kind == "string":
            return _text(schema)
        return None

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = schema.get("properties") or {}
        wanted = [*properties, *(name for name in schema.get("required") or () if name not in properties)]
        found = {name: self.value(properties.get(name, {"type": "string"}), name, depth + 1) for name in wanted}
        required = set(schema.get("required") or ())
        return {name: value for name, value in found.items() if value is not None or name in required}

    def _resolved(self, schema: JsonObject) -> JsonObject:
        for _ in range(MAX_DEPTH):
            place = schema.get("$ref")
            if isinstance(place, str) and place.startswith("#"):
                found: Any = self._root
                for part in place.lstrip("#/").split("/") if place != "#" else ():
                    found = found.get(part, {}) if isinstance(found, dict) else {}
                schema = found if isinstance(found, dict) else {}
                continue
            choice = next((schema[key] for key in ("anyOf", "oneOf") if schema.get(key)), None)
            if choice:
                rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
                schema = {**rest, **_first_not_null(choice)}
                continue
            if schema.get("allOf"):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    rest = _merged(rest, part if isinstance(part, dict) else {})
                schema = rest
                continue
            break
        return schema


def _kind(schema: JsonObject) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _number(schema: JsonObject, *, whole: bool) -> float | int:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value: float = 0
    if low is not None and high is not None:
        value = (low + high) / 2
    elif low is not None:
        value = low + ("minimum" not in schema)
    elif high is not None:
        value = min(0, high - ("maximum" not in schema))
    return int(value) if whole else float(value)


def _text(schema: JsonObject) -> str:
    usual = {
        "uri": "https://example.com/",
        "date": "2026-01-05",
        "date-time": "2026-01-05T09:00:00Z",
        "email": "a@example.com",
    }
    value = usual.get(str(schema.get("format")), "text")
    value = value.ljust(int(schema.get("minLength", 0)), "x")
    return value[: int(schema.get("maxLength", len(value)))]


def _first_not_null(choices: list[Any]) -> JsonObject:
    return next((item for item in choices if isinstance(item, dict) and item.get("type") != "null"), {})


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    return {
        **one,
        **other,
        "properties": {**(one.get("properties") or {}), **(other.get("properties") or {})},
        "required": [*(one.get("required") or ()), *(other.get("required") or ())],
    }
