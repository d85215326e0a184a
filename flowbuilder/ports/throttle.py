"""Rate and concurrency limits of connections, shared by all workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
Kind = Literal["connection", "provider", "host"]
Transition = Callable[[LimiterState, datetime], tuple[LimiterState, T]]
"""From a connection's limiter state and the time to the new state and a result. The store may call it several times."""


class Throttle(Protocol):
    """The limits of all connections, shared by all workers."""

    def acquire(self, name: str, *, kind: Kind = "connection") -> AbstractAsyncContextManager[None]:
        """Around one call of a connection; without a connection, `name` is a provider or a host, as `kind` says.

        Waits a few seconds at most; `Throttled` when it takes longer. A `TransientError` in the block with reason
        `rate_limit`, or a `server_error` with `retry_after`, opens the circuit for all workers and is raised as
        `Throttled`.
        """


class LimiterStore(Protocol):
    """The stored limiter state of each connection."""

    def limiter_state(self, name: str) -> LimiterState:
        """The current state of one connection."""

    def update_limiter(self, name: str, transition: Transition[T]) -> T:
        """Change the state of one connection in one transaction, at the store's time; returns the result."""


class NoThrottle:
    """Implements `Throttle` without limits."""

    @asynccontextmanager
    async def acquire(self, name: str, *, kind: Kind = "connection") -> AsyncIterator[None]:
        """Enter the block at once."""
        yield


def limit_key(connection: str | None, url: str) -> tuple[str, Kind]:
    """The name whose limits apply to a request: the connection, or without one the URL's host; empty for no URL."""
    if connection:
        return connection, "connection"
    try:
        return (urlsplit(url).hostname or "").lower(), "host"
    except ValueError:  # the adapter refuses it
        return "", "host"
