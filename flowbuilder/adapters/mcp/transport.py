"""Transport to an MCP server: a program behind `stdio_proxy`, or HTTP, both with a limit on the size of an answer."""

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

from flowbuilder.adapters.bounded_answers import NOT_COMPRESSED, bounded_answers
from flowbuilder.adapters.mcp import stdio_proxy
from flowbuilder.adapters.mcp.server_record import ServerRecord
from flowbuilder.adapters.mcp.server_text import ServerStderr
from flowbuilder.ports.allowed_hosts import ensure_host

logging.getLogger("mcp.client.stdio").setLevel(logging.CRITICAL)  # it logs what a server writes as it is


@asynccontextmanager
async def connect(record: ServerRecord, stderr: ServerStderr) -> AsyncIterator[Client]:
    """An initialised client. It offers neither sampling nor elicitation: a server cannot make requests. What a program
    writes to stderr goes to `stderr`."""
    async with AsyncExitStack() as stack:
        server: Any
        if record.command:
            server = await stack.enter_async_context(_program(record, stderr))
        else:
            ensure_host(record.url)
            http = httpx2.AsyncClient(
                headers={**record.headers, **NOT_COMPRESSED},
                timeout=httpx2.Timeout(record.connect_seconds, read=300.0),
                event_hooks=bounded_answers(record.max_bytes),
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
        await asyncio.to_thread(stdio_proxy.remove, scratch)
