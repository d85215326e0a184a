"""Inputs from the command line: `K=V` read as the input's schema says, and files of inputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from flowbuilder.cli.input.workflow_files import read_text
from flowbuilder.diagnostics import did_you_mean
from flowbuilder.values import JsonObject, NotJson, ensure_json


def gather_inputs(schema: JsonObject, pairs: Iterable[str], file: Path | None) -> JsonObject:
    """The inputs of a run: those of the file, overridden by the `K=V` pairs. A usage error says what does not fit."""
    properties: Mapping[str, JsonObject] = schema.get("properties", {})
    inputs = object_in_file(read_text(file), str(file)) if file else {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--input {pair}: write it as NAME=VALUE")
        _ensure_known(name, properties)
        inputs[name] = read_value(name, text, properties[name])
    for name in inputs:
        _ensure_known(name, properties)
    return inputs


def read_value(name: str, text: str, schema: JsonObject) -> Any:
    """The value that a text on the command line stands for; anything but text is written as JSON."""
    kinds = schema.get("type", [])
    allowed = [kinds] if isinstance(kinds, str) else list(kinds)
    if allowed == ["string"]:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        if not allowed or "string" in allowed:
            return text
        raise click.UsageError(f"--input {name}={text}: this input is {_described(allowed)}") from None
    if "string" in allowed and not isinstance(value, str) and _kind(value) not in allowed:
        return text
    if allowed and _kind(value) not in allowed and not (_kind(value) == "integer" and "number" in allowed):
        raise click.UsageError(f"--input {name}={text}: this input is {_described(allowed)}")
    return value


def object_in_file(text: str, where: str) -> JsonObject:
    """The object that a JSON or YAML file holds."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        import yaml

        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as problem:
            place = getattr(problem, "problem_mark", None)
            line = f" (line {place.line + 1})" if place else ""
            raise click.UsageError(f"{where} is neither JSON nor YAML{line}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise click.UsageError(f"{where} holds {_described([_kind(value)])}, not an object with names")
    try:
        checked: Any = ensure_json(value, where=where)
    except NotJson as problem:
        raise click.UsageError(str(problem)) from None
    result: JsonObject = checked
    return result


def _ensure_known(name: str, properties: Mapping[str, JsonObject]) -> None:
    if name not in properties:
        hint = did_you_mean(name, properties, what="the inputs are") or "this workflow takes none"
        raise click.UsageError(f"no input named {name}; {hint}")


_NAMES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list in JSON",
          "object": "an object in JSON", "null": "null", "string": "text"}  # fmt: skip


def _described(kinds: Iterable[str]) -> str:
    return " or ".join(_NAMES.get(kind, kind) for kind in kinds)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, str] = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), type(value).__name__)
