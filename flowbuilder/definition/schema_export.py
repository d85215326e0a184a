"""The JSON Schema of a workflow document, for editors, generated from all installed step classes."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from flowbuilder.definition.loader import Document
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import Step
from flowbuilder.values import JsonObject


def definition_schema() -> JsonObject:
    """The JSON Schema (draft 2020-12) of a document; `type` selects the schema of a step."""
    types = dict(sorted(step_types().items()))
    models: list[Any] = [(Document, "validation"), (Step, "validation")]
    models += [(model, "validation") for model in types.values()]
    names, made = models_json_schema(models, by_alias=True)
    parts: JsonObject = made["$defs"]
    for name, model in types.items():
        part = _part(names, parts, model)
        part["properties"]["type"] = {"const": name}
        one_or_many = {"anyOf": [part["properties"]["depends_on"], {"type": "string"}]}
        part["properties"]["depends_on"] = one_or_many
        part["description"] = (model.__doc__ or "").partition("\n\n")[0]
    parts[_key(names, Step)] = {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"type": {"enum": list(types)}},
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}}, "then": dict(names[model, "validation"])}
            for name, model in types.items()
        ],
    }
    document = parts.pop(_key(names, Document))
    document["properties"]["steps"]["items"] = dict(names[Step, "validation"])
    document["properties"]["inputs"]["additionalProperties"] = {
        "type": "object",
        "properties": {"sensitive": {"type": "boolean", "description": "hide its value wherever executions are shown"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "flowbuilder workflow definition",
        "$defs": parts,
    }


def _key(names: Any, model: type) -> str:
    return str(names[model, "validation"]["$ref"]).rpartition("/")[2]


def _part(names: Any, parts: JsonObject, model: type) -> JsonObject:
    part: JsonObject = parts[_key(names, model)]
    return part
