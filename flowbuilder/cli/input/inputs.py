"""Reads the inputs of an execution: `K=V` pairs, parsed by their schema, and JSON or YAML files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from flowbuilder.cli.input.workflow_files import read_text
from flowbuilder.diagnostics import did_you_mean
from flowbuilder.ports.sensitive import HIDDEN, sensitive_names
from flowbuilder.values import JsonObject, NotJson, ensure_json


def gather_inputs(schema: JsonObject, pairs: Iterable[str], file: Path | None) -> JsonObject:
    """The inputs in the file, overridden by the `K=V` pairs. Raises `click.UsageError` for one that does not fit."""
    properties: Mapping[str, JsonObject] = schema.get("properties", {})
    inputs = object_in_file(read_text(file), str(file)) if file else {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--input {pair}: expected NAME=VALUE")
        _ensure_known(name, properties)
        if properties[name].get("sensitive") is True and text.startswith("@"):
            text = _text_at(text[1:])
        inputs[name] = parse_value(name, text, properties[name])
    for name in inputs:
        _ensure_known(name, properties)
    return inputs


def prompt_for_sensitive(schema: JsonObject, inputs: JsonObject) -> JsonObject:
    """The inputs, with each required sensitive one that is missing asked for on the terminal, without an echo."""
    asked = {
        name: parse_value(name, click.prompt(f"{name} (hidden)", hide_input=True, err=True), schema["properties"][name])
        for name in schema.get("required", [])
        if name in sensitive_names(schema) and name not in inputs
    }
    return {**inputs, **asked}


def _text_at(source: str) -> str:
    """The text of a file, or of the standard input for `-`, without the end of its last line."""
    try:
        text = sys.stdin.read() if source == "-" else read_text(Path(source))
    except UnicodeDecodeError:
        raise click.UsageError("the standard input is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def parse_value(name: str, text: str, schema: JsonObject) -> Any:
    """Parse a value of the command line by its schema: strings are taken as they are, other types as JSON."""
    shown = HIDDEN if schema.get("sensitive") is True else text
    kinds = schema.get("type", [])
    allowed = [kinds] if isinstance(kinds, str) else list(kinds)
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if allowed == ["string"] or text in choices:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        if not allowed or "string" in allowed:
            return text
        raise click.UsageError(f"--input {name}={shown}: expected {_describe_types(allowed)}") from None
    if not allowed and choices and value not in choices:
        return text
    if "string" in allowed and not isinstance(value, str) and _json_type(value) not in allowed:
        return text
    if allowed and _json_type(value) not in allowed and not (_json_type(value) == "integer" and "number" in allowed):
        raise click.UsageError(f"--input {name}={shown}: expected {_describe_types(allowed)}")
    return value


def object_in_file(text: str, where: str) -> JsonObject:
    """Parse a JSON or YAML object. Raises `click.UsageError`; `where` names the source in its message."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        from flowbuilder.definition.yaml.document import read_document

        read = read_document(text)
        for found in read.diagnostics[:1]:
            if found.message.startswith(("the document is empty", "the document is null")):
                return {}
            line = f" (line {found.span.line})" if found.span else ""
            raise click.UsageError(f"{where} cannot be read{line}: {found.message}") from None
        value = read.value
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise click.UsageError(f"{where} contains {_describe_types([_json_type(value)])}; expected an object")
    try:
        checked: Any = ensure_json(value, where=where)
    except NotJson as problem:
        raise click.UsageError(str(problem)) from None
    result: JsonObject = checked
    return result


def _ensure_known(name: str, properties: Mapping[str, JsonObject]) -> None:
    if name not in properties:
        hint = did_you_mean(name, properties, what="the inputs are") or "this workflow has no inputs"
        raise click.UsageError(f"unknown input {name}; {hint}")


_TYPE_NAMES = {"integer": "an integer", "number": "a number", "boolean": "true or false", "array": "a JSON array",
          "object": "a JSON object", "null": "null", "string": "a string"}  # fmt: skip


def _describe_types(kinds: Iterable[str]) -> str:
    return " or ".join(_TYPE_NAMES.get(kind, kind) for kind in kinds)


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, str] = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), type(value).__name__)
