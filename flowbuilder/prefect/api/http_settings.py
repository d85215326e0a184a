"""How calls to Prefect's API are tried again.

A Prefect server on SQLite answers 503 whenever two of its transactions meet, which is harmless and over at once. Its
client would wait 2, 4, 8 seconds then; here it waits a part of one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx

from flowbuilder.errors import Unavailable

AGAIN_SECONDS = (0.05, 0.4)
"""Between these, by chance: those who met do not meet again."""
TRIES = 40
"""How often a command or a page tries again, within its `seconds`. A worker keeps Prefect's own, lower number: between
tries after a lost connection the client waits ever longer."""
BUSY = 503


_UNTIL: ContextVar[float] = ContextVar("until", default=math.inf)
_ONLY_BUSY: ContextVar[bool] = ContextVar("only_busy", default=False)
_UNANSWERED = "flowbuilder_unanswered"


@contextmanager
def within(seconds: float, *, only_busy: bool = False) -> Iterator[None]:
    """Calls to Prefect that begin later than in so many seconds are `Unavailable`. With `only_busy`, a server that is
    busy is asked again, but not one that is away."""
    until, busy = _UNTIL.set(time.monotonic() + seconds), _ONLY_BUSY.set(only_busy)
    try:
        yield
    finally:
        _UNTIL.reset(until)
        _ONLY_BUSY.reset(busy)


def impatient(*, answer: float = 60.0, asynchronous: bool) -> dict[str, Any]:
    """`httpx_settings` for a client of Prefect's that may wait `answer` seconds for one answer."""

    async def before_async(request: httpx.Request) -> None:
        before(request)

    async def after_async(response: httpx.Response) -> None:
        after(response)

    hooks: dict[str, list[Any]] = (
        {"request": [before_async], "response": [after_async]}
        if asynchronous
        else {"request": [before], "response": [after]}
    )
    return {"event_hooks": hooks, "timeout": httpx.Timeout(answer, connect=3.0)}


def before(request: httpx.Request) -> None:
    """Nothing is asked any more once the time is over."""
    if time.monotonic() > _UNTIL.get():
        raise Unavailable("the Prefect server is too busy: it has not answered in time")
    if _ONLY_BUSY.get() and request.extensions.get(_UNANSWERED):
        raise Unavailable("the Prefect server does not answer")
    request.extensions[_UNANSWERED] = True


def after(response: httpx.Response) -> None:
    """Prefect's client tries again when this header says."""
    response.request.extensions[_UNANSWERED] = False
    if response.status_code == BUSY and "retry-after" not in response.headers:
        response.headers["Retry-After"] = f"{random.uniform(*AGAIN_SECONDS):.3f}"
