"""The form that Prefect's UI shows for a workflow, made of its inputs."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import Field

from flowbuilder.values import JsonObject


def parameter_schema(input_schema: JsonObject) -> JsonObject:
    """Prefect's `parameter_openapi_schema` for the inputs: flat, typed, titled, in the author's order.

    Prefect orders a form by `position`. It does not resolve `additionalProperties`, so that is left out: inputs that
    a workflow does not have are refused when the execution is created.
    """
    properties: JsonObject = {}
    for position, (name, schema) in enumerate(input_schema.get("properties", {}).items()):
        properties[name] = {"title": name.replace("_", " ").capitalize(), **schema, "position": position}
    return {
        "title": "Parameters",
        "type": "object",
        "properties": properties,
        "required": list(input_schema.get("required", [])),
        "definitions": {},
    }


def signature_of(schema: JsonObject) -> inspect.Signature:
    """A signature from which Prefect derives that same schema, for `prefect deploy` and for people who ask `help`."""
    required = set(schema["required"])
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=Field(
                    default=... if name in required else prop.get("default"),
                    description=prop.get("description"),
                    json_schema_extra={key: value for key, value in prop.items() if key != "default"},
                ),
                annotation=Any,
            )
            for name, prop in schema["properties"].items()
        ]
    )
