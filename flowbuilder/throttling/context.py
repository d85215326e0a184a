"""What one step run has behind it at the limits of connections: the turns it was promised, and what it waited for.

Time that a step run waits for its turn is no time of its own: `timeout_excluding_waits` does not count it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class ThrottleWait:
    """A step run's wait for a rate limit: first throttled at `since`, `times` in a row so far, with the reserved slot
    `turn` at `connection`."""

    since: datetime
    times: int
    connection: str = ""
    turn: JsonObject | None = None


@dataclass
class ThrottleContext:
    """One step run on its way. `answered` counts its calls that were answered, `times` how often it was sent away."""

    times: int = 0
    turns: dict[str, JsonObject] = field(default_factory=dict)
    answered: int = 0
    _limits: list[Callable[[float], None]] = field(default_factory=list)

    def extend(self, seconds: float) -> None:
        """So many seconds are waited for a turn now: they count in no time limit."""
        for later in self._limits:
            later(seconds)


_PASSAGE: ContextVar[ThrottleContext | None] = ContextVar("passage", default=None)


def current_throttle_context() -> ThrottleContext:
    """That of the step run around; an empty one outside of all."""
    return _PASSAGE.get() or ThrottleContext()


@contextmanager
def throttle_context(passage: ThrottleContext) -> Iterator[ThrottleContext]:
    """The calls in this block are those of one step run."""
    token = _PASSAGE.set(passage)
    try:
        yield passage
    finally:
        _PASSAGE.reset(token)


def throttle_context_of(waited: ThrottleWait | None) -> ThrottleContext:
    """The passage of a step run that was sent away before, or was not."""
    if waited is None:
        return ThrottleContext()
    turns = {} if waited.turn is None else {waited.connection: waited.turn}
    return ThrottleContext(times=waited.times, turns=turns)


@asynccontextmanager
async def timeout_excluding_waits(seconds: float | None) -> AsyncIterator[None]:
    """As `asyncio.timeout`, but for the time that the step run waits for its turn."""
    passage = _PASSAGE.get()
    async with asyncio.timeout(seconds) as limit:
        if passage is None or seconds is None:
            yield
            return
        # the step may be in a loop of its own, and wait there
        later = partial(_reschedule, asyncio.get_running_loop(), limit)
        passage._limits.append(later)
        try:
            yield
        finally:
            passage._limits.remove(later)


def _reschedule(loop: asyncio.AbstractEventLoop, limit: asyncio.Timeout, seconds: float) -> None:
    def move() -> None:
        when = limit.when()
        if when is not None and not limit.expired():
            limit.reschedule(when + seconds)

    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        move()
    else:
        loop.call_soon_threadsafe(move)
