"""What a query can search of an execution: an excerpt of its inputs and its result, of a bounded size."""

from __future__ import annotations

from flowbuilder.values import Json, JsonObject

_LONGEST_TEXT = 200
_MOST_VALUES = 64


def snapshot(
    *, inputs: JsonObject, site: str | None, outputs: Json = None, error: JsonObject | None = None
) -> JsonObject:
    """The searchable form: long texts are cut, and what follows the first 64 values is left out."""
    left = [_MOST_VALUES]
    found: JsonObject = {"inputs": _excerpt(inputs, left)}
    if site is not None:
        found["site"] = site
    if outputs is not None:
        found["outputs"] = _excerpt(outputs, left)
    if error is not None:
        found["error"] = _excerpt(error, left)
    return found


def _excerpt(value: Json, left: list[int]) -> Json:
    left[0] -= 1
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, dict):
        return {key[:_LONGEST_TEXT]: _excerpt(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_excerpt(item, left) for item in value if left[0] > 0]
    return value
