"""What a connection to an MCP server meets that the SDK's errors do not tell: HTTP statuses, unreadable messages."""

from __future__ import annotations

import asyncio
import html
import json
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp.shared.message import SessionMessage
from mcp_types import (
    CallToolResult,
    ContentBlock,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
    ToolListChangedNotification,
)
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
    """Messages of one connection that cannot be used. `noise` is the last line that was no message, or an answer that
    nothing asked for; `broken` is set with one that was meant to answer, and `reason` says what is wrong with it.
    `tools_changed`: the server has said so. `asked` are the ids of the requests to a program."""

    noise: str = ""
    reason: str = ""
    tools_changed: bool = False
    asked: set[str] = field(default_factory=set)
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, message: object) -> None:
        """Handler of incoming messages, for the SDK's client: it also gets what could not be read."""
        if not isinstance(message, Exception):
            self.tools_changed |= isinstance(message, ToolListChangedNotification)
            return
        found = _unread(message) if isinstance(message, ValidationError) else str(message)
        self.noise = readable(found if isinstance(found, str) else json.dumps(found, default=str), MAX_REASON)
        if isinstance(message, ValidationError) and _is_answer(found):
            self._break(f"it is no JSON-RPC message: {self.noise}")

    def sent(self, message: SessionMessage) -> None:
        """Keep the id of a request to a program."""
        if isinstance(message.message, JSONRPCRequest):
            self.asked.add(str(message.message.id))

    def received(self, message: SessionMessage | Exception) -> None:
        """Look at a message of a program: the SDK drops answers that belong to no request."""
        answer = None if isinstance(message, Exception) else message.message
        if not isinstance(answer, JSONRPCResponse | JSONRPCError) or str(answer.id) in self.asked:
            return
        self.noise = readable(answer.model_dump_json(by_alias=True), MAX_REASON)
        if answer.id is not None:  # some servers answer notifications, by an error without an id
            self._break(f"it is the answer to another request ({readable(str(answer.id), 40)})")

    def _break(self, reason: str) -> None:
        if not self.broken.is_set():
            self.reason = reason
        self.broken.set()


def _unread(problem: ValidationError) -> Any:
    """The message that could not be read; its text where it is no JSON."""
    found = problem.errors(include_url=False)
    return next(
        (error["input"] for error in found if isinstance(error["input"], dict) and len(error["loc"]) <= 2),
        found[0]["input"],
    )


def _is_answer(found: Any) -> bool:
    """Whether a message that cannot be read was meant to answer a request: not a notification, and no other line."""
    if isinstance(found, str):
        return '"jsonrpc"' in found[:100_000]
    if isinstance(found, list):
        return any(map(_is_answer, found))
    if not isinstance(found, dict):
        return False
    return bool(found.keys() & {"result", "error"}) and ("jsonrpc" in found or isinstance(found.get("id"), int))
