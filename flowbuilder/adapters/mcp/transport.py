"""Transport to an MCP server: a program behind `stdio_proxy`, or HTTP, both with a limit on the size of an answer."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from flowbuilder.adapters.bounded_answers import NOT_COMPRESSED, bounded_answers
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
                headers={**record.headers, **NOT_COMPRESSED},
                timeout=httpx2.Timeout(record.connect_seconds, read=300.0),
                event_hooks=bounded_answers(record.max_bytes),
                trust_env=False,
                follow_redirects=False,  # the headers hold credentials
            )
            await stack.enter_async_context(http)
            server = streamable_http_client(record.url, http_client=http)
        yield await stack.enter_async_context(Client(server))
