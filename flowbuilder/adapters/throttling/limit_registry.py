"""The limits that connections declare, remembered for a while."""

from __future__ import annotations

import time

from flowbuilder.errors import ConfigurationError, Throttled, TransientError
from flowbuilder.ports import Connections
from flowbuilder.ports.throttle import Kind
from flowbuilder.throttling.limits import UNLIMITED, Limits, limits_of

REMEMBERED_SECONDS = 20.0
"""How soon limits that somebody changes are seen."""
AGAIN_SECONDS = 5.0
"""When to ask again for limits that nobody could name."""


class LimitRegistry:
    """Limits by the names of connections, providers and hosts.

    Those of `hosts` are looked up in a place of their own: a host is rarely a connection, and asking Prefect for each
    would be many questions.
    """

    def __init__(self, connections: Connections, *, hosts: Connections | None = None) -> None:
        self._connections = connections
        self._hosts = hosts or connections
        self._known: dict[tuple[str, Kind], tuple[float, Limits]] = {}

    async def of(self, name: str, kind: Kind) -> Limits:
        """The limits; what was known last while nobody answers.

        `ConfigurationError` when they are wrong, `Throttled` when nobody can say whether there are any: what may have
        limits is never called without.
        """
        until, known = self._known.get((name, kind), (0.0, None))
        if known is not None and until > time.monotonic():
            return known
        try:
            found = await self._read(name, kind)
        except TransientError as problem:
            if known is None:
                message = f"whether {name} has limits is not known: {problem}"
                raise Throttled(message, connection=name, retry_after=AGAIN_SECONDS) from None
            found = known
        self._known[name, kind] = (time.monotonic() + REMEMBERED_SECONDS, found)
        return found

    async def _read(self, name: str, kind: Kind) -> Limits:
        place = self._hosts if kind == "host" else self._connections
        try:
            connection = await place.get(name)
        except ConfigurationError:
            if kind == "connection":
                raise
            return UNLIMITED  # a provider or a host need not be a connection
        return limits_of(name, connection)
