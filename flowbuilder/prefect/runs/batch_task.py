"""Batch task: one Prefect task run that stands for all steps inside an iteration or a called workflow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from prefect.task_engine import run_task_async

from flowbuilder.engine.step_runner import Done, StepRunResult
from flowbuilder.prefect.runs.state_mapping import one_line
from flowbuilder.prefect.runs.step_task import dependencies_on, tagged_task_run, task_of

IDLE_SECONDS = 0.5
"""Seconds that a batch without a running step waits for the next one: between two steps the driver reads and writes."""


class BatchTask:
    """A task run in the run graph, with the log lines of the steps. The steps themselves run outside of the task."""

    def __init__(self, top: str, *, parents: Iterable[UUID], tolerant: bool) -> None:
        """`top` is the id of the iteration or call. A failed step does not fail a `tolerant` batch."""
        self.top = top
        self.closed = False
        self._tolerant = tolerant
        self._end = asyncio.Event()
        self._started: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._logger: logging.Logger | logging.LoggerAdapter[Any] | None = None
        self._running = 0
        self._done = 0
        self._failures: list[str] = []
        self._idle_timer: asyncio.TimerHandle | None = None
        task = task_of(self._run, name=top, run_name=top)
        run = run_task_async(
            task, parameters={"tag": "iteration"}, dependencies=dependencies_on(parents), return_type="state"
        )
        self._task = asyncio.create_task(run, name=f"batch {top}")
        self._task.add_done_callback(self._ended)

    async def task_run_id(self) -> UUID:
        """The Prefect task run; waits until it has started."""
        return await asyncio.shield(self._started)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Count one step as running inside this block."""
        self._running += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle_timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_if_idle)

    async def close(self) -> None:
        """End the task and wait until Prefect has its final state."""
        self.closed = True
        self._end.set()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def log(self, path: str, result: StepRunResult) -> None:
        """Count and log the result of a step run."""
        assert self._logger is not None
        self._done += 1
        if not isinstance(result, Done):
            self._logger.info("%s is retried later", path)
            return
        outcome = result.outcome
        if outcome.status == "failed":
            message = one_line((outcome.error or {}).get("message", "failed"))
            self._failures.append(f"{path}: {message}")
            self._logger.warning("%s failed: %s", path, message)
        else:
            self._logger.info("%s %s in %.1f s", path, outcome.status.replace("_", " "), outcome.seconds)

    def _end_if_idle(self) -> None:
        if not self._running:
            self.closed = True
            self._end.set()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.closed = True
        if not self._started.done():
            self._started.set_exception(RuntimeError(f"Prefect did not start the task of {self.top}"))
            self._started.exception()
        if not task.cancelled():
            task.exception()

    async def _run(self, tag: str) -> State[Any]:
        self._logger = get_run_logger()
        self._started.set_result(tagged_task_run(tag))
        await self._end.wait()
        counted = f"{self._done} step{'' if self._done == 1 else 's'}"
        if not self._failures:
            return Completed(message=counted)
        message = f"{counted}, {len(self._failures)} failed; first {self._failures[0]}"
        return Completed(message=message) if self._tolerant else Failed(message=message)
