"""Sensitive inputs and outputs: which they are, the record that holds their values, and what is shown instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

from flowbuilder.values import Json, JsonObject, walk_values

HIDDEN = "[hidden]"
"""What stands in the place of a sensitive value."""
MAX_TEXTS = 64
"""Maximum number of texts and numbers in one sensitive input: all of them are searched for in everything stored."""


def sensitive_names(schema: Mapping[str, Any]) -> frozenset[str]:
    """The names of the properties of an object schema that say `sensitive: true`."""
    return frozenset(
        name
        for name, part in schema.get("properties", {}).items()
        if isinstance(part, Mapping) and part.get("sensitive") is True
    )


def hidden(values: Mapping[str, Json], names: Collection[str]) -> JsonObject:
    """The values, with `[hidden]` in the place of each of these names."""
    return {name: HIDDEN if name in names else value for name, value in values.items()}


def sensitive_record(workflow: str, values: JsonObject) -> JsonObject:
    """What the store keeps of sensitive values. The salt keeps a short value from being guessed by the record's hash,
    which is in the timeline."""
    return {"workflow": workflow, "salt": uuid4().hex, "values": values}


def held_key(start_key: str) -> str:
    """The key under which the store holds the values of a start whose execution is not created yet."""
    return f"start:{start_key}"


def values_in(record: JsonObject | None) -> JsonObject:
    """The sensitive values by name; empty when there is no record."""
    values = (record or {}).get("values")
    return values if isinstance(values, dict) else {}


def texts_of(value: Json) -> list[str]:
    """The texts and numbers, as text, inside a sensitive value."""
    return [
        str(item)
        for _, item in walk_values(value)
        if isinstance(item, str | int | float) and not isinstance(item, bool)
    ]
