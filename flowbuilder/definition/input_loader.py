"""Loads the `inputs` of a document: JSON Schema properties, some with a default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.document import Input, schema_inside
from flowbuilder.definition.record_errors import describe_value
from flowbuilder.diagnostics import nearest
from flowbuilder.json_schema import BadSchema, ensure_schema, problems
from flowbuilder.values import JsonObject, Place

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_PYTHON = {"str": "string", "text": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array",
           "dict": "object"}  # fmt: skip


def load_inputs(raw: Mapping[str, Any], diagnostics: DiagnosticCollector) -> tuple[Input, ...]:
    """The inputs in the author's order. An input with an invalid schema becomes one that takes any value."""
    return tuple(_inputs(raw, diagnostics))


def _inputs(raw: Mapping[str, Any], diagnostics: DiagnosticCollector) -> Iterator[Input]:
    for name, schema in raw.items():
        place = ("inputs", name)
        if not _NAME.fullmatch(name):
            diagnostics.at_name(
                place, "FB014", f"{name} cannot be the name of an input", hint="use letters, digits and _"
            )
        if not isinstance(schema, dict):
            hint = f"write {name}: {{type: {schema}}}" if schema in _TYPES else "write it as {type: string}"
            diagnostics.at_value(
                place, "FB014", f"{name} is {describe_value(schema)}, expected a JSON Schema", hint=hint
            )
            yield Input(name=name, schema={}, required=True)
        elif _has_valid_schema(name, schema, diagnostics):
            yield _input(name, schema, diagnostics)
        else:
            yield Input(name=name, schema={}, required="default" not in schema)


def _has_valid_schema(name: str, schema: JsonObject, diagnostics: DiagnosticCollector) -> bool:
    place = ("inputs", name)
    kind = schema.get("type")
    if isinstance(kind, str) and kind not in _TYPES:
        close = _PYTHON.get(kind) or nearest(kind, _TYPES)
        hint = f"did you mean {close}?" if close else f"the types are {', '.join(_TYPES)}"
        diagnostics.at_value((*place, "type"), "FB014", f"there is no type {kind} in JSON Schema", hint=hint)
        return False
    if isinstance(schema.get("required"), bool):
        hint = "an input is required unless it has a default; remove this field"
        diagnostics.at_name(
            (*place, "required"), "FB014", "required is a list of property names in JSON Schema", hint=hint
        )
        return False
    _check_sensitive(name, schema, diagnostics)
    try:
        ensure_schema(schema)
    except BadSchema as error:
        diagnostics.at_value(place, "FB014", f"{name} is not a valid JSON Schema: {error}")
        return False
    try:
        ensure_schema(
            {"type": "object", "properties": {name: schema_inside(name, schema)}}
        )  # all inputs are validated together
    except BadSchema as error:
        hint = "leave out $schema and $id, and refer to a part of this schema as #/$defs/..."
        diagnostics.at_value(place, "FB014", f"{name} is not a valid part of the inputs' schema: {error}", hint=hint)
        return False
    return True


def _check_sensitive(name: str, schema: JsonObject, diagnostics: DiagnosticCollector) -> None:
    """`sensitive` is true or false, beside the type of a whole input, and such an input has no default."""
    for inner, at in schemas_in(schema, ("inputs", name)):
        if "sensitive" not in inner:
            continue
        place = (*at, "sensitive")
        if not isinstance(inner["sensitive"], bool):
            diagnostics.at_value(place, "FB014", f"sensitive is {describe_value(inner['sensitive'])}, expected true")
        elif inner is not schema:
            hint = f"write sensitive: true beside the type of {name}, which hides all of it"
            diagnostics.at_name(place, "FB014", "sensitive is said of a whole input, not of a part", hint=hint)
    if schema.get("sensitive") is True and schema.get("default") not in (None, "", [], {}):
        hint = "leave the default out; the definition is stored and shown to people"
        diagnostics.at_value(("inputs", name, "default"), "FB015", f"{name} is sensitive and has a default", hint=hint)


def schemas_in(schema: Any, at: Place) -> Iterator[tuple[JsonObject, Place]]:
    """A schema and those inside of it, with their places."""
    if not isinstance(schema, dict):
        return
    yield schema, at
    for word in ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"):
        for key, inner in (schema[word] if isinstance(schema.get(word), dict) else {}).items():
            yield from schemas_in(inner, (*at, word, key))
    for word in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for index, inner in enumerate(schema[word] if isinstance(schema.get(word), list) else []):
            yield from schemas_in(inner, (*at, word, index))
    for word in ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"):
        yield from schemas_in(schema.get(word), (*at, word))


def _input(name: str, schema: JsonObject, diagnostics: DiagnosticCollector) -> Input:
    if "default" not in schema:
        return Input(name=name, schema=schema, required=True)
    default = schema["default"]
    for at, message in problems(schema, default)[:1]:
        where = f" at {at}" if at else ""
        diagnostics.at_value(
            ("inputs", name, "default"), "FB015", f"the default of {name} is not valid{where}: {message}"
        )
    return Input(name=name, schema=schema, required=False, default=default)
