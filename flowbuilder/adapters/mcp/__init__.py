"""MCP servers, each a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from flowbuilder.adapters.mcp.server_record import ServerRecord, server_record
from flowbuilder.adapters.mcp.shared_sessions import SharedSessions
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Connections, Http, NoThrottle, Throttle
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.mcp import McpAnswer, McpServers, McpSession, McpTool, ToolCheck
from flowbuilder.throttling.context import time_not_counted
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.adapters.http.client_credentials import ClientTokens
    from flowbuilder.adapters.mcp.client_auth import ClientAuth
    from flowbuilder.adapters.mcp.session import OpenSession


class ConnectedServers:
    """Implements `ports.McpServers`: a server is a connection; an administrator sets its command and secrets.

    Opening a session and each tool call count against the limits of the connection. `secrets` are replaced in what a
    server's program writes to stderr, with those of its connection. `http` asks for the tokens of `oauth2`.
    """

    def __init__(
        self,
        connections: Connections,
        throttle: Throttle | None = None,
        secrets: KnownSecrets | None = None,
        http: Http | None = None,
    ) -> None:
        self._connections = connections
        self._http = http
        self._tokens: ClientTokens | None = None
        self._secrets = secrets
        self._throttle = throttle or NoThrottle()

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """A session that is closed with the block, and with it the server's program."""
        opened: list[OpenSession] = []
        try:
            yield self.limited(server, await self.start(server, opened.append))
        finally:
            for session in opened:
                session.stop()
                await session.ended()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[McpServers]:
        """These servers with one session each, which are closed with the block."""
        sessions = SharedSessions(self)
        try:
            yield sessions
        finally:
            await sessions.close()

    async def start(self, server: str, opened: Callable[[OpenSession], None]) -> OpenSession:
        """A connected session; `opened` is given it before it is connected, and has to end it."""
        with time_not_counted():  # timeouts count from the connection, not from an import
            await asyncio.to_thread(import_module, "flowbuilder.adapters.mcp.session")
        from flowbuilder.adapters.mcp.session import OpenSession

        connection = await self._connections.get(server)
        record, secrets = server_record(server, connection), KnownSecrets(self._secrets)
        secrets.add_connection(server, connection)
        async with self._throttle.acquire(server):
            session = OpenSession(record, secrets, self._auth(record))
            opened(session)
            await session.connect()
        return session

    def _auth(self, record: ServerRecord) -> ClientAuth | None:
        """What adds the tokens of `oauth2` to the requests of a server; they are kept for the next session."""
        if record.oauth2 is None:
            return None
        if self._http is None:
            raise ConfigurationError(f"MCP server {record.name} has oauth2, and this process has no HTTP adapter")
        from flowbuilder.adapters.http.client_credentials import ClientTokens
        from flowbuilder.adapters.mcp.client_auth import ClientAuth

        self._tokens = self._tokens or ClientTokens()
        return ClientAuth(record.oauth2, self._tokens, self._http.send)

    def limited(self, server: str, session: McpSession) -> McpSession:
        """The session with the limits of the connection."""
        return _ThrottledSession(session, self._throttle, server)


class _ThrottledSession:
    """Implements `ports.McpSession`: limits the calls of another session."""

    def __init__(self, session: McpSession, throttle: Throttle, server: str) -> None:
        self._session, self._throttle, self._server = session, throttle, server

    async def tools(self) -> Sequence[McpTool]:
        return await self._session.tools()

    async def call(
        self, tool: str, arguments: JsonObject, *, seconds: float, check: ToolCheck | None = None
    ) -> McpAnswer:
        async with self._throttle.acquire(self._server):
            return await self._session.call(tool, arguments, seconds=seconds, check=check)

    async def read_resource(self, uri: str, *, seconds: float) -> McpAnswer:
        async with self._throttle.acquire(self._server):
            return await self._session.read_resource(uri, seconds=seconds)

    async def get_prompt(self, name: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        async with self._throttle.acquire(self._server):
            return await self._session.get_prompt(name, arguments, seconds=seconds)
