"""Transport to an MCP server: a program behind `stdio_proxy`, or HTTP, both with a limit on the size of an answer."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from flowbuilder.adapters.bounded_answers import NOT_COMPRESSED, bounded_answers
from flowbuilder.adapters.mcp import stdio_proxy
from flowbuilder.adapters.mcp.answer_ids import ensure_answered
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.adapters.mcp.server_text import ServerStderr
from flowbuilder.adapters.mcp.wire import EXCHANGE, Wire, note_problem, note_rejection, speaks_sse
from flowbuilder.ports.allowed_hosts import ensure_host

GOODBYE_SECONDS = 1.0

for _name in ("client", "mcp.client", "mcp.shared"):  # the first is that of the SDK's sessions
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log what a server writes as it is


@asynccontextmanager
async def connect(
    record: ServerRecord, stderr: ServerStderr, wire: Wire, auth: httpx2.Auth | None = None
) -> AsyncIterator[Client]:
    """An initialised client. It offers neither sampling nor elicitation: a server cannot make requests. What a program
    writes to stderr goes to `stderr`, and what cannot be read to `wire`. `auth` adds credentials to requests."""
    async with AsyncExitStack() as stack:
        server: Any
        http: httpx2.AsyncClient | None = None
        if record.command:
            server = await stack.enter_async_context(_program(record, stderr, wire))
        else:
            ensure_host(record.url)
            hooks = bounded_answers(record.max_bytes, note_problem)
            http = httpx2.AsyncClient(
                headers={**record.headers, **NOT_COMPRESSED},
                auth=auth,
                timeout=httpx2.Timeout(record.connect_seconds, read=300.0),
                event_hooks={"request": [_hurry], "response": [*hooks["response"], ensure_answered, note_rejection]},
                trust_env=False,
                follow_redirects=False,  # the headers hold credentials
            )
            await stack.enter_async_context(http)
            server = streamable_http_client(record.url, http_client=http, max_sse_event_size=None)
        try:
            client = await stack.enter_async_context(Client(server, message_handler=wire.watch))
        except Exception:
            exchange = EXCHANGE.get()
            if http and exchange and exchange.rejection and exchange.rejection.status in (400, 404, 405):
                exchange.rejection = replace(exchange.rejection, is_sse=await speaks_sse(http, record.url))
            raise
        yield client


async def _hurry(request: httpx2.Request) -> None:
    """Event hook: the request that ends a session takes no longer than `GOODBYE_SECONDS`."""
    if request.method == "DELETE":
        request.extensions["timeout"] = httpx2.Timeout(GOODBYE_SECONDS).as_dict()


@asynccontextmanager
async def _program(record: ServerRecord, stderr: ServerStderr, wire: Wire) -> AsyncIterator[Any]:
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
            encoding_error_handler="replace",
        )
        yield _heard(stdio_client(parameters, errlog=stderr.file), wire)
    finally:
        await asyncio.to_thread(stdio_proxy.remove, scratch)


@asynccontextmanager
async def _heard(transport: Any, wire: Wire) -> AsyncIterator[Any]:
    """The streams of a transport; `wire` is told of what is sent and received."""
    async with transport as (received, sent):
        yield _Stream(received, wire.received), _Stream(sent, wire.sent)


class _Stream:
    """A stream of messages, each of which `seen` is told of."""

    def __init__(self, stream: Any, seen: Callable[[Any], None]) -> None:
        self._stream, self._seen = stream, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *problem: Any) -> Any:
        return await self._stream.__aexit__(*problem)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        message = await self._stream.__anext__()
        self._seen(message)
        return message

    async def send(self, message: Any) -> None:
        self._seen(message)
        await self._stream.send(message)
