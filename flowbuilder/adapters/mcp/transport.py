"""Transport to an MCP server: a program behind `stdio_proxy`, or HTTP, both with a limit on the answer's size."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from flowbuilder.adapters.mcp import stdio_proxy
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.adapters.mcp.server_text import ServerStderr, readable
from flowbuilder.ports.allowed_hosts import ensure_host

logger = logging.getLogger(__name__)
logging.getLogger("mcp.client.stdio").setLevel(logging.CRITICAL)  # it logs what a server writes as it is
LOGGED_LINES = 20


@asynccontextmanager
async def connect(record: ServerRecord, stderr: ServerStderr) -> AsyncIterator[Client]:
    """An initialised client. It offers neither sampling nor elicitation: a server cannot make requests. What a program
    writes to stderr goes to `stderr`, and some lines of it to the log."""
    async with AsyncExitStack() as stack:
        server: Any
        if record.command:
            server = await stack.enter_async_context(_program(record, stderr))
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


@asynccontextmanager
async def _program(record: ServerRecord, stderr: ServerStderr) -> AsyncIterator[Any]:
    """The transport to a program with a HOME of its own."""
    scratch = await asyncio.to_thread(tempfile.mkdtemp, prefix="flowbuilder-mcp-")
    try:
        names = ",".join(record.environment)
        proxy = ["-I", "-S", str(Path(stdio_proxy.__file__)), str(record.max_bytes), scratch, names, "--"]
        parameters = StdioServerParameters(
            command=sys.executable,
            args=[*proxy, *record.command],
            env=dict(record.environment) or None,
            cwd=record.folder or scratch,
        )
        yield stdio_client(parameters, errlog=stderr.file)
    finally:
        for line in stderr.text.splitlines()[:LOGGED_LINES]:
            logger.info("MCP server %s wrote: %s", record.name, readable(line))
        await asyncio.to_thread(stdio_proxy.remove, scratch)


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
