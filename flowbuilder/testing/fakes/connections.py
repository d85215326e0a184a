"""Credentials given beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from flowbuilder.errors import ConfigurationError
from flowbuilder.values import JsonObject


class FakeConnections:
    """Connections from a mapping."""

    def __init__(self, known: Mapping[str, JsonObject] | None = None) -> None:
        self._known = dict(known or {})

    async def get(self, name: str) -> JsonObject:
        """The connection; `ConfigurationError` when there is none of that name."""
        if name not in self._known:
            raise ConfigurationError(f"there is no connection {name!r}")
        return dict(self._known[name])
