"""Processes of a simulation: each has a clock that may be wrong, can be stopped for a while, and can be killed.

The tasks of a process find it in `PROCESS`. All its calls of the store go through `SimulatedThreads`, and its calls of
the targets through the simulated network: both raise `Crash` in a killed process and wait in a stopped one.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from flowbuilder.engine.drive_control import DriveControl
from tests.reliability.simulation.virtual_time import VirtualClock, VirtualLoop
from tests.support.faults.crash_injection import Crash

T = TypeVar("T")
PROCESS: contextvars.ContextVar[SimulatedProcess | None] = contextvars.ContextVar("node", default=None)


class SimulatedProcess:
    """One process, from start to exit. `slots` are the executions that it works on."""

    def __init__(self, loop: VirtualLoop, name: str, incarnation: int, clock: VirtualClock) -> None:
        self.loop, self.name, self.incarnation, self.clock = loop, name, incarnation, clock
        self.holder = f"{name}.{incarnation}"
        self.dead = False
        self.terminating = False
        self.slots: dict[str, DriveControl] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._running = asyncio.Event()
        self._running.set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start a task in this process."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        self.loop.create_task(work, context=context)

    def add_task(self, task: asyncio.Task[Any]) -> None:
        """Add a task to this process: `kill` cancels it."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def kill(self) -> None:
        """SIGKILL: cancel its tasks wherever they are."""
        self.dead = True
        self._running.set()
        for task in list(self._tasks):
            task.cancel()

    def stop(self) -> None:
        """SIGSTOP: its tasks stop at their next call."""
        self._running.clear()

    def resume(self) -> None:
        """SIGCONT."""
        self._running.set()

    async def wait_until_running(self) -> None:
        """Wait while the process is stopped; raises `Crash` when it was killed."""
        await self._running.wait()
        if self.dead:
            raise Crash(self.holder)


class ProcessClock(VirtualClock):
    """The clock of a process: its sleeps end only while the process runs."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if (process := PROCESS.get()) is not None:
            await process.wait_until_running()


class SimulatedThreads:
    """Replaces `asyncio.to_thread`: a call takes up to 22 ms, so that other tasks run in between."""

    def __init__(self, rng: random.Random) -> None:
        self._dice = rng

    async def __call__(self, work: Callable[..., T], /, *given: Any, **named: Any) -> T:
        process = PROCESS.get()
        await asyncio.sleep(self._dice.choice((0.0, 0.0, 0.001, 0.02)))
        if process is not None:
            await process.wait_until_running()
        result = work(*given, **named)
        await asyncio.sleep(self._dice.choice((0.0, 0.0, 0.001)))
        if process is not None:
            await process.wait_until_running()
        return result


def task_factory(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
    """A task factory: every task belongs to the process in whose context it is created."""
    task = asyncio.Task(work, loop=loop, **named)
    context = named.get("context")
    process = PROCESS.get() if context is None else context.get(PROCESS)
    if process is not None:
        process.add_task(task)
    return task
