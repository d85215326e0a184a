"""Runs a blocking query in a thread of its own: it ends in time, and no commit is sent after it was given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from flowbuilder.errors import TransientError
from flowbuilder.ports.sql import SqlAnswer, StatementMade

GRACE_SECONDS = 2.0
"""Seconds that a query which was given up has to end, beyond its own time limit."""


class GivenUp(Exception):
    """The query was given up before its commit: it has done nothing."""


class Progress:
    """The state that the thread of a query and its caller share. `on_stop` is called, once, to interrupt the query."""

    def __init__(self, seconds: float) -> None:
        self.deadline = monotonic() + seconds
        self._lock = threading.Lock()
        self._stopped = False
        self._ended: float | None = None
        """When it was stopped."""
        self._committing = False
        self._on_stop: Callable[[], None] | None = None

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; raises `GivenUp` where there are none, or the query was stopped."""
        left = self.deadline - monotonic()
        if self._stopped or left <= 0:
            raise GivenUp
        return left

    @property
    def is_over(self) -> bool:
        """Whether the query should end: it was stopped, or its time is over."""
        return self._stopped or monotonic() >= self.deadline

    @property
    def is_late(self) -> bool:
        """Whether an answer is not waited for any longer: the query is over, and had its grace."""
        return monotonic() >= (self.deadline if self._ended is None else self._ended) + GRACE_SECONDS

    @property
    def commits_never(self) -> bool:
        """Whether it is certain that no commit was sent, and that none will be."""
        with self._lock:
            return self._stopped and not self._committing

    def interrupt_with(self, stop: Callable[[], None]) -> None:
        """Say what interrupts the query from another thread."""
        with self._lock:
            self._on_stop = stop
            stopped = self._stopped
        if stopped:
            stop()

    def begin_commit(self) -> None:
        """To be called before a commit; raises `GivenUp` where the query was stopped."""
        with self._lock:
            if self._stopped:
                raise GivenUp
            self._committing = True

    def stop(self) -> None:
        """Have the query end: no commit begins from now on."""
        with self._lock:
            first, self._stopped = not self._stopped, True
            self._ended = self._ended or monotonic()
            stop = self._on_stop
        if first and stop is not None:
            stop()


async def run_query(name: str, work: Callable[[Progress], SqlAnswer], *, seconds: float) -> SqlAnswer:
    """The result of `work`, run in a thread. Cancelling the caller, or the end of its time, interrupts the query; a
    thread that does not end (no answer from the server) is left behind, and commits nothing. The cause of a
    `CancelledError` is what became of the query, as `ports.Databases.execute` says."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[SqlAnswer] = loop.create_future()
    progress = Progress(seconds)

    def settle(call: Callable[[Any], None], given: Any) -> None:
        if not result.done():
            call(given)

    def tell(call: Callable[[Any], None], given: Any) -> None:
        try:
            loop.call_soon_threadsafe(partial(settle, call, given))
        except RuntimeError:
            return  # the loop is closed: nothing waits in it

    def run() -> None:
        try:
            answer = work(progress)
        except BaseException as problem:
            tell(result.set_exception, problem)
        else:
            tell(result.set_result, answer)

    threading.Thread(target=run, name=f"sql {name}", daemon=True).start()
    try:
        done, _ = await asyncio.wait([result], timeout=seconds + GRACE_SECONDS)
        if not done:
            await _end(progress, result)
    except asyncio.CancelledError as cancelled:
        await _end(progress, result)
        try:
            answer = _answer(name, seconds, progress, result)
        except Exception as problem:
            raise cancelled from problem
        raise cancelled from StatementMade(answer)
    return _answer(name, seconds, progress, result)


def _answer(name: str, seconds: float, progress: Progress, result: asyncio.Future[SqlAnswer]) -> SqlAnswer:
    """What the thread answered; raises its error, or that of a query which was given up."""
    if not result.done():
        problem = TransientError(f"database {name} gave no answer in {seconds:g} s", reason="timeout")
        problem.definitive = progress.commits_never
        raise problem
    try:
        return result.result()
    except GivenUp:
        problem = TransientError(f"database {name} took longer than {seconds:g} s", reason="timeout")
        problem.definitive = True
        raise problem from None


async def _end(progress: Progress, result: asyncio.Future[SqlAnswer]) -> None:
    # in a thread: interrupting PostgreSQL is a request of its own
    threading.Thread(target=progress.stop, name="sql interrupt", daemon=True).start()
    await asyncio.wait([result], timeout=GRACE_SECONDS)
