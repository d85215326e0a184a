"""Work in a thread and an event loop of its own: code that blocks there stops nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_isolated_thread(work: Callable[[], Coroutine[Any, Any, T]], *, name: str) -> T:
    """The result of `work`, run elsewhere.

    Cancelling the caller cancels the work at its next `await` and does not wait for it: work that blocks without end
    keeps its thread, and what it gives is nobody's any more.
    """
    here = asyncio.get_running_loop()
    result: asyncio.Future[T] = here.create_future()
    inner: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def body() -> T:
        task = asyncio.current_task()
        assert task is not None
        inner.append((asyncio.get_running_loop(), task))
        return await work()

    def run() -> None:
        try:
            value = asyncio.run(body())
        except BaseException as problem:
            _tell(here, partial(_settle, result.set_exception, result, problem))
        else:
            _tell(here, partial(_settle, result.set_result, result, value))

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await result
    except asyncio.CancelledError:
        for loop, task in inner:
            _tell(loop, task.cancel)
        raise


def _settle(settle: Callable[[Any], None], result: asyncio.Future[Any], given: object) -> None:
    if not result.done():
        settle(given)


def _tell(loop: asyncio.AbstractEventLoop, word: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(word)
    except RuntimeError:
        return  # that loop has ended meanwhile: there is nobody to tell
