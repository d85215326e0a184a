"""Answers of MCP servers over HTTP must be answers to their request: the SDK takes one to any other request for it.
They are handed on as JSON that the SDK can read."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from flowbuilder.adapters.bounded_answers import Unacceptable
from flowbuilder.adapters.mcp.server_text import readable
from flowbuilder.adapters.mcp.stdio_proxy import well_formed_json
from flowbuilder.adapters.mcp.wire import note_problem

_LINE = re.compile(rb"\r\n|\n|\r(?!$)")
"""The end of a line. A carriage return at the end of what has arrived may be half of one."""


async def ensure_answered(answer: httpx2.Response) -> None:
    """Event hook of a client: raises `Unacceptable` for an answer to another request, and for one that is none."""
    if answer.status_code >= 300:
        return
    assert isinstance(answer.stream, httpx2.AsyncByteStream)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    asked = _parsed(await answer.request.aread()) if answer.request.method == "POST" else None
    wanted = asked.get("id") if isinstance(asked, dict) and "method" in asked else None
    if kind == "text/event-stream":
        answer.stream = _Events(answer.stream, wanted)
    if wanted is None:
        return
    if answer.status_code in (202, 204):
        _refuse(f"it is {answer.status_code} without a result")
    if not kind:
        _refuse("it has no content type")
    if kind == "application/json":
        body = well_formed_json(b"".join([chunk async for chunk in answer.stream]))
        await answer.stream.aclose()
        answer.stream = httpx2.ByteStream(body.decode("utf-8", "replace").encode())
        message = _parsed(body)
        if isinstance(message, dict) and "method" in message:
            _refuse("it is a message of the server's own, and no answer")
        _check(message, wanted)


def _check(message: Any, wanted: Any) -> None:
    """Raise `Unacceptable` for a response that has not the wanted id. An id may be a number or its text."""
    if wanted is None:  # messages that belong to no request
        return
    if not isinstance(message, dict) or "jsonrpc" not in message or not message.keys() & {"result", "error"}:
        return
    found, error = message.get("id"), message.get("error")
    if str(found) == str(wanted):
        return
    if found is None and isinstance(error, dict):
        _refuse(
            f"it reports an error of the request: {readable(str(error.get('message')))} (error {error.get('code')})"
        )
    _refuse(f"it is the answer to another request ({readable(str(found), 40)})")


def _refuse(reason: str) -> None:
    problem = Unacceptable(reason)
    note_problem(problem)
    raise problem


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None  # the SDK says so


class _Events(httpx2.AsyncByteStream):
    """An event stream in whole lines, which ends with `Unacceptable` before an answer to another request."""

    def __init__(self, inner: httpx2.AsyncByteStream, wanted: Any) -> None:
        self._inner, self._wanted = inner, wanted
        self._rest, self._data = b"", bytearray()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            *lines, self._rest = _LINE.split(self._rest + chunk) if _LINE.search(chunk) else [self._rest + chunk]
            for line in lines:
                if line.startswith(b"data:"):
                    self._data += line[5:].removeprefix(b" ") + b"\n"
                elif not line:
                    _check(_parsed(bytes(self._data)), self._wanted)
                    self._data.clear()
            if lines:
                yield b"".join(well_formed_json(line) + b"\n" for line in lines)
        yield well_formed_json(self._rest)

    async def aclose(self) -> None:
        await self._inner.aclose()
