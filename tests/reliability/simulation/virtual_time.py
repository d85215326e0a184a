"""An event loop in virtual time: when no task is runnable, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flowbuilder.testing.fakes.bundle import START

T = TypeVar("T")


class Stuck(Exception):
    """All tasks wait and no timer is set: a deadlock."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Single-threaded, without input or output: the same program gives the same trace every time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.seconds


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._loop.seconds += max(timeout, 0.0)
        return []


class VirtualClock:
    """A clock that shows the time of the loop, `off` seconds wrong."""

    def __init__(self, loop: VirtualLoop, *, off: float = 0.0) -> None:
        self._loop, self.off = loop, off

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.seconds + self.off)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """The result of `main`, which gets the loop that it runs in."""
    loop = VirtualLoop()
    try:
        loop.set_exception_handler(lambda *_: None)  # killed tasks raise `Crash` unobserved
        return loop.run_until_complete(main(loop))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
