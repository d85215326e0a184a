"""One Prefect task for all that runs inside an iteration (or a called workflow) in one go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flowbuilder.model.execution import Outcome

IDLE_SECONDS = 0.5
"""How long a drain without a running step waits for the next one: between two steps the driver reads and writes."""

Body = Callable[[], Awaitable[State[Any]]]


class BatchTask:
    """The task is a bar in the run graph and a place for log lines; the steps themselves run beside it."""

    def __init__(self, top: str, run: Callable[[Body], Coroutine[Any, Any, State[Any]]], *, tolerant: bool) -> None:
        """`run` runs a body as a Prefect task; a `tolerant` one is not failed by a failed step."""
        self.top = top
        self.closed = False
        self._tolerant = tolerant
        self._end = asyncio.Event()
        self._begun: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._log: logging.Logger | logging.LoggerAdapter[Any] | None = None
        self._running = 0
        self._done = 0
        self._failures: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(run(self._body), name=f"drain {top}")
        self._task.add_done_callback(self._ended)

    async def task_run(self) -> UUID:
        """The Prefect task run; waits until it has begun."""
        return await asyncio.shield(self._begun)

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step runs inside."""
        self._running += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_if_idle)

    async def close(self) -> None:
        """End the task and wait until Prefect knows."""
        self.closed = True
        self._end.set()
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def note(self, outcome: Outcome) -> None:
        """Count what became of a step, and log it."""
        assert self._log is not None
        self._done += 1
        if outcome.status == "failed":
            message = " ".join(str((outcome.error or {}).get("message", "failed")).split())
            self._failures.append(f"{outcome.path}: {message}")
            self._log.warning("%s failed: %s", outcome.path, message)
        else:
            self._log.info("%s %s in %.1f s", outcome.path, outcome.status.replace("_", " "), outcome.seconds)

    def _end_if_idle(self) -> None:
        if not self._running:
            self.closed = True
            self._end.set()

    def _ended(self, task: asyncio.Task[State[Any]]) -> None:
        self.closed = True
        if not self._begun.done():
            self._begun.set_exception(RuntimeError(f"Prefect did not begin the task of {self.top}"))
            self._begun.exception()
        if not task.cancelled():
            task.exception()

    async def _body(self) -> State[Any]:
        context = TaskRunContext.get()
        assert context is not None
        self._log = get_run_logger()
        self._begun.set_result(context.task_run.id)
        await self._end.wait()
        counted = f"{self._done} step{'' if self._done == 1 else 's'}"
        if not self._failures:
            return Completed(message=counted)
        message = f"{counted}, {len(self._failures)} failed; first {self._failures[0]}"
        return Completed(message=message) if self._tolerant else Failed(message=message)
