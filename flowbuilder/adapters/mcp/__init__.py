"""MCP servers by the names of their connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from flowbuilder.adapters.mcp.record import record_of
from flowbuilder.ports import Connections, NoThrottle, Throttle
from flowbuilder.ports.mcp import McpAnswer, McpSession, McpTool
from flowbuilder.values import JsonObject


class ConnectedServers:
    """Implements `ports.McpServers`: a server is a connection, its command and secrets are an administrator's.

    Opening a session and each call of a tool are calls of the connection, within its limits.
    """

    def __init__(self, connections: Connections, throttle: Throttle | None = None) -> None:
        self._connections = connections
        self._throttle = throttle or NoThrottle()

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """A session that ends with the block; the server's program ends with it."""
        from flowbuilder.adapters.mcp.session import opened

        record = record_of(server, await self._connections.get(server))
        async with AsyncExitStack() as stack:
            async with self._throttle.acquire(server):
                session = await stack.enter_async_context(opened(record))
            yield _Throttled(session, self._throttle, server)


class _Throttled:
    """Implements `ports.McpSession`: another session, within the limits of its connection."""

    def __init__(self, session: McpSession, throttle: Throttle, server: str) -> None:
        self._session, self._throttle, self._server = session, throttle, server

    async def tools(self) -> Sequence[McpTool]:
        return await self._session.tools()

    async def call(self, tool: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        async with self._throttle.acquire(self._server):
            return await self._session.call(tool, arguments, seconds=seconds)
