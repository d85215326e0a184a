"""Cache of the limits that connections declare."""

from __future__ import annotations

import time

from flowbuilder.errors import ConfigurationError, Throttled, TransientError
from flowbuilder.ports import Connections
from flowbuilder.ports.throttle import Kind
from flowbuilder.throttling.limits import UNLIMITED, Limits, limits_of

CACHE_SECONDS = 20.0
"""Seconds for which limits are cached: a change takes effect after at most this time."""
RETRY_SECONDS = 5.0
"""Seconds after which a step asks again for limits that could not be read."""


class LimitRegistry:
    """Limits by the names of connections, providers and hosts.

    Limits of hosts are read from `hosts` and not from Prefect, which would need one request for each host.
    """

    def __init__(self, connections: Connections, *, hosts: Connections | None = None) -> None:
        self._connections = connections
        self._hosts = hosts or connections
        self._cache: dict[tuple[str, Kind], tuple[float, Limits]] = {}

    async def limits_for(self, name: str, kind: Kind) -> Limits:
        """The limits; the last known ones while the connection cannot be read.

        `ConfigurationError` when they are wrong, `Throttled` when they cannot be read and were never known: a call
        that may be limited is never made without its limits.
        """
        expires, known = self._cache.get((name, kind), (0.0, None))
        if known is not None and expires > time.monotonic():
            return known
        try:
            found = await self._read(name, kind)
        except TransientError as problem:
            if known is None:
                message = f"the limits of {name} cannot be read: {problem}"
                raise Throttled(message, connection=name, retry_after=RETRY_SECONDS) from None
            found = known
        self._cache[name, kind] = (time.monotonic() + CACHE_SECONDS, found)
        return found

    async def _read(self, name: str, kind: Kind) -> Limits:
        source = self._hosts if kind == "host" else self._connections
        try:
            connection = await source.get(name)
        except ConfigurationError:
            if kind == "connection":
                raise
            return UNLIMITED  # a provider or a host need not be a connection
        return limits_of(name, connection)
