"""Checks the events of a streamed answer before an SDK reads them: it passes over what it does not understand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from flowbuilder.adapters.models.answer_checks import UnusableAnswer
from flowbuilder.errors import TransientError


async def check_events(answer: httpx2.Response) -> None:
    """Event hook of a client of Anthropic: its streams are read as `CheckedEvents`."""
    if answer.headers.get("content-type", "").lower().startswith("text/event-stream"):
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = CheckedEvents(answer.stream)


class CheckedEvents(httpx2.AsyncByteStream):
    """The bytes of a stream of Anthropic's events, as they come.

    Raises `UnusableAnswer`, a temporary failure, at an event that is no JSON object with a type, at a piece of an
    answer without content, and at an error under another name: a part of the answer would be missing.
    """

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner
        self._begun: list[bytes] = []  # the pieces of a line whose end has not come: joined once
        self._name = ""
        self._data: list[bytes] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            first, *others = chunk.split(b"\n")
            self._begun.append(first)
            for other in others:
                self._read(b"".join(self._begun).rstrip(b"\r"))
                self._begun = [other]
            yield chunk

    async def aclose(self) -> None:
        """Close the connection's stream."""
        await self._inner.aclose()

    def _read(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.strip())
        elif field == b"event":
            self._name = value.strip().decode("utf-8", "replace")
        elif not line.strip():
            data, name = b"\n".join(self._data), self._name
            self._data, self._name = [], ""
            if data and data != b"[DONE]":
                _ensure_readable(data, name)


def _ensure_readable(data: bytes, name: str) -> None:
    try:
        event: Any = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str):
        raise _broken("an event of the stream cannot be read")
    if kind == "error" and name != "error":
        error = event.get("error")
        words = error.get("message") if isinstance(error, dict) else error
        raise _broken(f"the stream has an error: {str(words)[:300]}")
    delta = event.get("delta")
    if kind == "content_block_delta" and not (isinstance(delta, dict) and isinstance(delta.get("type"), str)):
        raise _broken("a piece of the answer has no content")


def _broken(message: str) -> UnusableAnswer:
    return UnusableAnswer(TransientError(message, reason="server_error"))
