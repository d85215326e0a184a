"""Reads the fields of a connection's record one by one, so that a message names the field that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowbuilder.errors import ConfigurationError
from flowbuilder.values import JsonObject

Field = tuple[Callable[[Any], Any], str]
"""What reads the value of a field, and what the field needs, in words."""


def read_fields(
    what: str, connection: JsonObject, fields: Mapping[str, Field], *, says_why: bool = True
) -> dict[str, Any]:
    """The fields that a connection has, read. `ConfigurationError` names an unknown or wrong one after `what`.

    With `says_why` it has the words of the reader's `ValueError` too; without, it quotes nothing of the value.
    """
    unknown = next((key for key in connection if key not in fields and key != "limits"), None)
    if unknown is not None:
        known = ", ".join(sorted((*fields, "limits")))
        raise ConfigurationError(f"{what} has no field {unknown!r:.40}; the fields are {known}")
    given: dict[str, Any] = {}
    for key, (read, needs) in fields.items():
        if connection.get(key) is None:  # as a block in Prefect leaves a field out
            continue
        try:
            given[key] = read(connection[key])
        except (TypeError, ValueError) as problem:
            said = f" ({problem})" if says_why and str(problem) else ""
            raise ConfigurationError(f"{what} needs {key} as {needs}{said}") from None
    return given
