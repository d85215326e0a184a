"""Limits of connections: who may call now, and who has to wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
Kind = Literal["connection", "provider", "host"]
Rule = Callable[[LimiterState, datetime], tuple[LimiterState, T]]
"""What becomes of a connection's traffic at a moment, and what is to be said of it. It may be called several times."""


class Throttle(Protocol):
    """The limits of all connections, shared by all who call them."""

    def slot(self, name: str, *, kind: Kind = "connection") -> AbstractAsyncContextManager[None]:
        """One call of a connection. Where there is none, `name` is a provider or a host, and `kind` says so.

        Waits for seconds, at most; `Throttled` when it takes longer. A `TransientError` in the block that says
        `rate_limit`, or names a time (`retry_after`), closes the connection for everybody; it comes out as `Throttled`.
        """


class LimiterStore(Protocol):
    """Where the traffic of connections is written down."""

    def limiter_state(self, name: str) -> LimiterState:
        """That of one connection, as it stands."""

    def update_limiter(self, name: str, rule: Rule[T]) -> T:
        """Change that of one connection by a rule, in one transaction, at the book's own time."""


class NoThrottle:
    """Implements `Throttle` where nothing has limits."""

    @asynccontextmanager
    async def slot(self, name: str, *, kind: Kind = "connection") -> AsyncIterator[None]:
        """At once."""
        yield


def named(connection: str | None, url: str) -> tuple[str, Kind]:
    """Whose limits count for a request: the connection's, where there is one, else those of the URL's host."""
    return (connection, "connection") if connection else ((urlsplit(url).hostname or "").lower(), "host")
