"""Throttle context of one step run: its reservations, and the time spent waiting, which counts in no timeout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class ThrottleWait:
    """Earlier postponements of a step run: `since` when, how many `times` in a row, and its reservation."""

    since: datetime
    times: int
    connection: str = ""
    reservation: JsonObject | None = None


@dataclass
class ThrottleContext:
    """Throttle context of one step run. `reservations` are by connection; `times_throttled` counts postponements."""

    times_throttled: int = 0
    reservations: dict[str, JsonObject] = field(default_factory=dict)
    calls_answered: int = 0
    _timeouts: list[Callable[[float], None]] = field(default_factory=list)

    def extend_timeouts(self, seconds: float) -> None:
        """Extend the timeouts of the step run by this number of seconds."""
        for extend in self._timeouts:
            extend(seconds)


MAX_NOT_COUNTED = 300.0
"""Maximum seconds of one block of `time_not_counted`."""
_CURRENT: ContextVar[ThrottleContext | None] = ContextVar("throttle_context", default=None)


def current_throttle_context() -> ThrottleContext:
    """The context of the current step run; a new one outside of a step run."""
    return _CURRENT.get() or ThrottleContext()


@contextmanager
def throttle_context(context: ThrottleContext) -> Iterator[ThrottleContext]:
    """Make `context` the current one for the calls in this block."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)


def throttle_context_of(waited: ThrottleWait | None) -> ThrottleContext:
    """The context of a step run with these earlier postponements; None: it had none."""
    if waited is None:
        return ThrottleContext()
    reservations = {} if waited.reservation is None else {waited.connection: waited.reservation}
    return ThrottleContext(times_throttled=waited.times, reservations=reservations)


@asynccontextmanager
async def timeout_excluding_waits(seconds: float | None) -> AsyncIterator[None]:
    """As `asyncio.timeout`, without counting the time that the step run waits at a rate limit."""
    context = _CURRENT.get()
    async with asyncio.timeout(seconds) as timeout:
        if context is None or seconds is None:
            yield
            return
        # the step may run and wait in another event loop
        extend = partial(_reschedule, asyncio.get_running_loop(), timeout)
        context._timeouts.append(extend)
        try:
            yield
        finally:
            context._timeouts.remove(extend)


@contextmanager
def time_not_counted() -> Iterator[None]:
    """The time that the block takes counts in no timeout of the step run."""
    context, begun = current_throttle_context(), monotonic()
    context.extend_timeouts(MAX_NOT_COUNTED)
    try:
        yield
    finally:
        context.extend_timeouts(min(monotonic() - begun, MAX_NOT_COUNTED) - MAX_NOT_COUNTED)


def _reschedule(loop: asyncio.AbstractEventLoop, timeout: asyncio.Timeout, seconds: float) -> None:
    def extend() -> None:
        when = timeout.when()
        if when is not None and not timeout.expired():
            timeout.reschedule(when + seconds)

    try:
        current = asyncio.get_running_loop()
    except RuntimeError:
        current = None
    if current is loop:
        extend()
    else:
        loop.call_soon_threadsafe(extend)
