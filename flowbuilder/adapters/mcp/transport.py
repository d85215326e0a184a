"""Transport to an MCP server: a program behind `stdio_proxy`, or HTTP, both with a limit on the answer's size."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from flowbuilder.adapters.mcp import stdio_proxy
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.ports.allowed_hosts import ensure_host


@asynccontextmanager
async def connect(record: ServerRecord) -> AsyncIterator[Client]:
    """An initialised client. It offers neither sampling nor elicitation: a server cannot make requests."""
    async with AsyncExitStack() as stack:
        server: Any
        if record.command:
            server = StdioServerParameters(
                command=sys.executable,
                args=["-I", "-S", str(Path(stdio_proxy.__file__)), str(record.max_bytes), "--", *record.command],
                env=dict(record.environment) or None,
                cwd=record.folder,
            )
        else:
            ensure_host(record.url)
            http = httpx2.AsyncClient(
                headers=dict(record.headers),
                timeout=httpx2.Timeout(record.connect_seconds, read=300.0),
                transport=_Capped(httpx2.AsyncHTTPTransport(trust_env=False), record.max_bytes),
                trust_env=False,
                follow_redirects=False,  # the headers hold credentials
            )
            await stack.enter_async_context(http)
            server = streamable_http_client(record.url, http_client=http)
        yield await stack.enter_async_context(Client(server))


class TooLarge(httpx2.TransportError):
    """The answer has more bytes than the server record allows."""


class _Capped(httpx2.AsyncBaseTransport):
    """Ends an answer after `cap` bytes; for an event stream, after `cap` bytes of all its events."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, cap: int) -> None:
        self._inner = inner
        self._cap = cap

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = _CappedStream(answer.stream, self._cap)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, cap: int) -> None:
        self._inner = inner
        self._left = cap

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLarge("the answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
