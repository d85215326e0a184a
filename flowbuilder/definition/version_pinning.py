"""Called workflows, pinned: a stored document names the version of every workflow that it calls."""

from __future__ import annotations

from typing import Any

from flowbuilder.errors import NotFound
from flowbuilder.ports import Store
from flowbuilder.values import JsonObject


def pinned(document: JsonObject, store: Store) -> JsonObject:
    """The document with `version` filled in for each `workflow` step: the published one, else the newest draft."""
    result: JsonObject = _pinned(document, store)
    return result


def _pinned(value: Any, store: Store) -> Any:
    if isinstance(value, list):
        return [_pinned(item, store) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _pinned(item, store) if key in _HOLDS_STEPS else item for key, item in value.items()}
    if value.get("type") == "workflow" and "id" in value and value.get("version") is None:
        name = str(value["name"])
        try:
            copy["version"] = store.version(name).number
        except NotFound:
            copy["version"] = store.latest_version(name).number
    return copy


_HOLDS_STEPS = ("steps", "branches", "else")
