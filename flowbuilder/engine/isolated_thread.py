"""Runs a coroutine in its own thread and event loop, so that blocking code does not block other steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_isolated_thread(work: Callable[[], Coroutine[Any, Any, T]], *, name: str) -> T:
    """The result of `work`, run in a new thread.

    Cancelling the caller cancels the work at its next `await` and does not wait for it: work that blocks forever keeps
    its thread, and its result is dropped.
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
            _call_in(here, partial(_resolve, result.set_exception, result, problem))
        else:
            _call_in(here, partial(_resolve, result.set_result, result, value))

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await result
    except asyncio.CancelledError:
        for loop, task in inner:
            _call_in(loop, task.cancel)
        raise


def _resolve(settle: Callable[[Any], None], result: asyncio.Future[Any], given: object) -> None:
    if not result.done():
        settle(given)


def _call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return  # the loop is closed: nothing waits in it
