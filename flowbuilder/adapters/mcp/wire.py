"""What a connection to an MCP server meets that the SDK's errors do not tell: HTTP statuses, unreadable messages."""

from __future__ import annotations

import asyncio
import html
import json
import re
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx2
from mcp_types import CallToolResult, ContentBlock, ToolListChangedNotification
from pydantic import ValidationError

from flowbuilder.adapters.bounded_answers import Unacceptable
from flowbuilder.adapters.mcp.server_text import readable

MAX_REASON = 300
SSE_SECONDS = 2.0


class CallResult(CallToolResult):
    """The result of a call, which may not be complete, and has no content then."""

    content: list[ContentBlock] | None = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Rejection:
    """An HTTP answer that holds no result: its status, its headers, and the reason that it gives, in one line.
    `code` is that of the JSON-RPC error in it, `is_sse`: the address is one of the older SSE transport."""

    status: int
    headers: dict[str, str]
    reason: str = ""
    code: int | None = None
    is_page: bool = False
    is_sse: bool = False


@dataclass
class Exchange:
    """What the transport met while one request of the client was on its way."""

    rejection: Rejection | None = None
    problem: Unacceptable | None = None


EXCHANGE: ContextVar[Exchange | None] = ContextVar("mcp_exchange", default=None)
"""The exchange of the task that sends. The SDK carries the context of a sender to the HTTP request."""


def note_problem(problem: Unacceptable) -> None:
    """Keep why an answer was not read to its end."""
    if (exchange := EXCHANGE.get()) is not None:
        exchange.problem = problem


async def note_rejection(answer: httpx2.Response) -> None:
    """Event hook of a client: keep an answer that holds no result, with its reason."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    exchange = EXCHANGE.get()
    if exchange is None or answer.request.method != "POST":
        return
    if answer.status_code < 300 and kind in ("", "application/json", "text/event-stream"):
        exchange.rejection = None
        return
    body = b""
    try:
        if not answer.is_redirect:
            body = await answer.aread()
    except httpx2.HTTPError:
        pass  # too large, or cut off: the status says enough
    is_page, value = kind in ("text/html", "application/xhtml+xml"), _json(body)
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    exchange.rejection = Rejection(
        answer.status_code,
        {str(name).lower(): str(value) for name, value in answer.headers.items()},
        _title(body) if is_page else _reason(value),
        code=code if isinstance(code, int) else None,
        is_page=is_page,
    )


def _json(body: bytes) -> object:
    """The body as JSON, else its beginning as text."""
    text = body[:20_000].decode("utf-8", "replace")
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _reason(value: object) -> str:
    """The message in an error's body, in one line."""
    for _ in range(3):
        if isinstance(value, dict):
            names = ("error_description", "message", "error", "detail")
            value = next((value[name] for name in names if value.get(name)), "")
    return readable(value, MAX_REASON) if isinstance(value, str) else ""


def _title(body: bytes) -> str:
    found = re.search(r"<title[^<>]{0,200}>([^<]{1,500})", body[:20_000].decode("utf-8", "replace"), re.IGNORECASE)
    return readable(html.unescape(found[1]), MAX_REASON) if found else ""


async def speaks_sse(http: httpx2.AsyncClient, url: str) -> bool:
    """Whether the server at `url` speaks the older SSE transport: a GET is answered by the event `endpoint`."""
    try:
        async with (
            asyncio.timeout(SSE_SECONDS),
            http.stream("GET", url, headers={"accept": "text/event-stream"}) as answer,
        ):
            if not answer.headers.get("content-type", "").lower().startswith("text/event-stream"):
                return False
            async for chunk in answer.aiter_bytes():
                return b"event: endpoint" in chunk
    except (TimeoutError, httpx2.HTTPError):
        pass
    return False


@dataclass
class Wire:
    """Messages of one connection that cannot be read. `noise` is the last line that was no message; `broken` is set
    with one that was meant to be a message. `tools_changed`: the server has said so."""

    noise: str = ""
    tools_changed: bool = False
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, message: object) -> None:
        """Handler of incoming messages, for the SDK's client: it also gets what could not be read."""
        if not isinstance(message, Exception):
            self.tools_changed |= isinstance(message, ToolListChangedNotification)
            return
        line = message.errors()[0].get("input") if isinstance(message, ValidationError) else None
        text = line if isinstance(line, str) else str(message) if line is None else json.dumps(line, default=str)
        self.noise = readable(text, MAX_REASON)
        if isinstance(message, ValidationError) and '"jsonrpc"' in text[:100_000]:
            self.broken.set()
