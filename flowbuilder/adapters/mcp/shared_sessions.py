"""Sessions with MCP servers that are kept open while one execution runs: one for each server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowbuilder.errors import FlowbuilderError, StepError, Throttled
from flowbuilder.ports.mcp import McpSession

if TYPE_CHECKING:
    from flowbuilder.adapters.mcp import ConnectedServers
    from flowbuilder.adapters.mcp.session import OpenSession

ENDS_SESSION = frozenset(("connection", "timeout", "mcp_ended", "mcp_protocol", "mcp_unusable", "too_large"))
"""Codes of errors after which the next step gets a new session: this one is closed, or may hang."""


@dataclass(eq=False)
class _Shared:
    session: OpenSession
    users: int = 0
    is_retired: bool = False


class SharedSessions:
    """Implements `ports.McpServers`: steps that use a server at once or one after the other share its session.

    A session with a server that did not answer, or ended, is left to the steps that use it, and closed after them; the
    next step gets a new one. No step waits for the end of a server: `close` does.
    """

    def __init__(self, servers: ConnectedServers) -> None:
        self._servers = servers
        self._loop = asyncio.get_running_loop()
        self._all: list[OpenSession] = []
        self._current: dict[str, _Shared] = {}
        self._opening: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """The session with the server; opened by the first step that needs it."""
        if asyncio.get_running_loop() is not self._loop:  # a step in a thread of its own
            async with self._servers.open(server) as own:
                yield own
            return
        shared = await self._session(server)
        shared.users += 1
        try:
            yield self._servers.limited(server, shared.session)
        except BaseException as problem:
            shared.is_retired |= not isinstance(problem, Exception) or _ends_session(problem)
            raise
        finally:
            shared.users -= 1
            if shared.is_retired and not shared.users:
                shared.session.stop()

    async def close(self) -> None:
        """End all sessions, and wait until their programs have ended."""
        for session in self._all:
            session.stop()
        await asyncio.gather(*(session.ended() for session in self._all))

    async def _session(self, server: str) -> _Shared:
        while True:
            shared = self._current.get(server)
            if shared is not None and not shared.is_retired and shared.session.is_usable:
                return shared
            opening = self._opening.get(server)
            if opening is None:
                return await self._start(server)
            await asyncio.wait({opening})
            if not opening.cancelled() and (problem := opening.exception()) is not None:
                raise problem

    async def _start(self, server: str) -> _Shared:
        """Open a session. Steps that wait for it meanwhile get the same error, unless it concerns only this step."""
        opening: asyncio.Future[None] = self._loop.create_future()
        self._opening[server] = opening
        own: list[OpenSession] = []  # another server's session may be opened meanwhile

        def opened(session: OpenSession) -> None:
            own.append(session)
            self._all.append(session)

        try:
            shared = self._current[server] = _Shared(await self._servers.start(server, opened))
            opening.set_result(None)
        except BaseException as problem:
            for session in own:
                session.stop()
            if isinstance(problem, FlowbuilderError) and not isinstance(problem, Throttled):
                opening.set_exception(problem)
                opening.exception()  # none need wait for it
            else:
                opening.cancel()
            raise
        finally:
            del self._opening[server]
        return shared


def _ends_session(problem: Exception) -> bool:
    return isinstance(problem, StepError) and problem.code in ENDS_SESSION
