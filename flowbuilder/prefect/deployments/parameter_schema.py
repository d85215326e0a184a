"""The parameter schema of a deployment, from which Prefect's UI draws a form."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import Field

from flowbuilder.ports.sensitive import sensitive_names
from flowbuilder.values import JsonObject


def parameter_schema(input_schema: JsonObject) -> JsonObject:
    """Prefect's `parameter_openapi_schema` for a workflow's inputs: flat, typed, titled, in the author's order.

    Prefect orders a form by `position`. It does not resolve `additionalProperties`, so the schema has none: an input
    that the workflow does not have is refused when the execution is created. It has no sensitive inputs either: Prefect
    stores and shows parameters.
    """
    sensitive = sensitive_names(input_schema)
    properties: JsonObject = {}
    for position, (name, schema) in enumerate(input_schema.get("properties", {}).items()):
        if name not in sensitive:
            properties[name] = {"title": name.replace("_", " ").capitalize(), **schema, "position": position}
    return {
        "title": "Parameters",
        "type": "object",
        "properties": properties,
        "required": [name for name in input_schema.get("required", []) if name not in sensitive],
        "definitions": {},
    }


def signature_of(schema: JsonObject) -> inspect.Signature:
    """The function signature from which Prefect derives a parameter schema, for `prefect deploy` and `help()`."""
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
