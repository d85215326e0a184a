"""Bounds of the answers of MCP servers and model providers, in size and in slowness."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2

from flowbuilder.adapters.pace import Pace, TooSlow

MAX_MODEL_ANSWER = 32 * 1024 * 1024
"""The most bytes of one answer of a model provider."""
NOT_COMPRESSED = {"accept-encoding": "identity"}
"""The header of requests with bounded answers: compression would hide their size."""


class Unacceptable(httpx2.TransportError):
    """The answer has more bytes than allowed, arrives too slowly, or is compressed, which was not requested."""


class TooLarge(Unacceptable):
    """The answer has more bytes than allowed."""


def bounded_answers(
    cap: int, met: Callable[[Unacceptable], None] = lambda _: None
) -> dict[str, list[Callable[[httpx2.Response], Awaitable[None]]]]:
    """Event hooks of a client that end an answer after `cap` bytes, and one that arrives too slowly.

    For an event stream, all its events count. A request should carry `NOT_COMPRESSED`. `met` is told of the problem
    before it is raised, in the task that reads: not every client passes it on.
    """

    async def bound(answer: httpx2.Response) -> None:
        if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            problem = Unacceptable("the answer is compressed, which was not requested")
            met(problem)
            raise problem
        events = answer.headers.get("content-type", "").lower().startswith("text/event-stream")
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = _BoundedStream(answer.stream, cap, Pace(events=events), met)

    return {"response": [bound]}


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(
        self, inner: httpx2.AsyncByteStream, cap: int, pace: Pace, met: Callable[[Unacceptable], None]
    ) -> None:
        self._inner = inner
        self._met = met
        self._left = cap
        self._pace = pace

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            try:
                self._count(chunk)
            except Unacceptable as problem:
                self._met(problem)
                raise
            yield chunk

    def _count(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge("the answer is too large")
        try:
            self._pace.add(chunk)
        except TooSlow as problem:
            raise Unacceptable(str(problem)) from None

    async def aclose(self) -> None:
        await self._inner.aclose()
