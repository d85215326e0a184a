"""MCP servers by the names of their connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flowbuilder.adapters.mcp.record import record_of
from flowbuilder.ports import Connections
from flowbuilder.ports.mcp import McpSession


class ConnectedServers:
    """Implements `ports.McpServers`: a server is a connection, its command and secrets are an administrator's."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """A session that ends with the block; the server's program ends with it."""
        from flowbuilder.adapters.mcp.session import opened

        record = record_of(server, await self._connections.get(server))
        async with opened(record) as session:
            yield session
