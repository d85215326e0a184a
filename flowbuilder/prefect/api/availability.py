"""Timeouts and retries of calls to Prefect's API, and the error when it does not answer.

A Prefect server on SQLite answers 503 whenever two of its transactions meet; a retry succeeds at once. Prefect's client
would wait 2, 4, 8 seconds before it retries; with these settings it waits a fraction of a second.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

import httpx

from flowbuilder.errors import Unavailable

ANSWER_SECONDS = 5.0
"""Seconds that an execution waits for one answer of Prefect's before it continues without: the store decides anyway."""
RETRY_AFTER_SECONDS = (0.05, 0.4)
"""The shortest and the longest delay before a retry; random, so that calls that collided do not collide again."""
MAX_RETRIES = 40
"""Retries of a command's or a page's calls, within its deadline. A worker keeps Prefect's own, lower number, because
the client's delays grow after a lost connection."""
CONNECT_SECONDS = 3.0
BUSY = 503

_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
_RETRY_ONLY_BUSY: ContextVar[bool] = ContextVar("retry_only_busy", default=False)
_UNANSWERED = "flowbuilder_unanswered"


class PrefectUnavailable(Exception):
    """Prefect does not answer, or answers with a server error."""


@asynccontextmanager
async def prefect_call(seconds: float | None = None) -> AsyncIterator[None]:
    """A block that calls Prefect's API; raises `PrefectUnavailable` without an answer in `seconds` (default:
    `ANSWER_SECONDS`). Prefect's refusals are raised unchanged."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS if seconds is None else seconds):
            yield
    except (httpx.HTTPError, TimeoutError) as problem:
        if not is_unavailable(problem):
            raise
        raise PrefectUnavailable(f"Prefect does not answer ({type(problem).__name__})") from None


def is_unavailable(problem: BaseException) -> bool:
    """Whether an error means that Prefect cannot answer now, as opposed to a refusal."""
    if isinstance(problem, httpx.HTTPStatusError):
        return problem.response.status_code >= 500
    return isinstance(problem, httpx.TransportError | TimeoutError | PrefectUnavailable)


@contextmanager
def deadline(seconds: float, *, retry_only_busy: bool = False) -> Iterator[None]:
    """A block in which calls to Prefect raise `Unavailable` when they begin after `seconds`. With `retry_only_busy`, a
    call is retried when the server is busy, but not when it does not answer."""
    until, only_busy = _DEADLINE.set(time.monotonic() + seconds), _RETRY_ONLY_BUSY.set(retry_only_busy)
    try:
        yield
    finally:
        _DEADLINE.reset(until)
        _RETRY_ONLY_BUSY.reset(only_busy)


def http_settings(*, asynchronous: bool, answer_seconds: float = 60.0) -> dict[str, Any]:
    """`httpx_settings` for one of Prefect's clients that waits `answer_seconds` for an answer, retries a busy server
    soon, and keeps the `deadline` of the block around a call."""

    async def before_async(request: httpx.Request) -> None:
        _before(request)

    async def after_async(response: httpx.Response) -> None:
        _after(response)

    hooks: dict[str, list[Any]] = (
        {"request": [before_async], "response": [after_async]}
        if asynchronous
        else {"request": [_before], "response": [_after]}
    )
    return {"event_hooks": hooks, "timeout": httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS)}


def _before(request: httpx.Request) -> None:
    """Refuse a request after the deadline, and the retry of an unanswered one where only busy servers are retried."""
    if time.monotonic() > _DEADLINE.get():
        raise Unavailable("the Prefect server is too busy: it has not answered in time")
    if _RETRY_ONLY_BUSY.get() and request.extensions.get(_UNANSWERED):
        raise Unavailable("the Prefect server does not answer")
    request.extensions[_UNANSWERED] = True


def _after(response: httpx.Response) -> None:
    """Set the header by which Prefect's client chooses its delay."""
    response.request.extensions[_UNANSWERED] = False
    if response.status_code == BUSY and "retry-after" not in response.headers:
        response.headers["Retry-After"] = f"{random.uniform(*RETRY_AFTER_SECONDS):.3f}"
