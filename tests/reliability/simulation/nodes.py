"""Processes of a simulation: each has a clock that may be wrong, can be stopped for a while, and can be killed.

What a process does is what its tasks do; they find it in `NODE`. All its calls of the store and of the outside world
come through `Gate`, where a dead one gets no further and a stopped one waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from flowbuilder.engine.drive_control import DriveControl
from tests.reliability.simulation.virtual_time import VirtualClock, VirtualLoop
from tests.support.crash_injection import Crash

T = TypeVar("T")
NODE: contextvars.ContextVar[Node | None] = contextvars.ContextVar("node", default=None)


class Node:
    """One life of one process. `seats` are the executions that it works on."""

    def __init__(self, loop: VirtualLoop, name: str, life: int, clock: VirtualClock) -> None:
        self.loop, self.name, self.life, self.clock = loop, name, life, clock
        self.holder = f"{name}.{life}"
        self.dead = False
        self.leaving = False
        self.seats: dict[str, DriveControl] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._running = asyncio.Event()
        self._running.set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have the process do something beside."""
        context = contextvars.copy_context()
        context.run(NODE.set, self)
        self.loop.create_task(work, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """A task of this process: it ends with it."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def kill(self) -> None:
        """It is gone, in the middle of whatever it did."""
        self.dead = True
        self._running.set()
        for task in list(self._tasks):
            task.cancel()

    def stop(self) -> None:
        """SIGSTOP: it does nothing and knows nothing of it."""
        self._running.clear()

    def go_on(self) -> None:
        """SIGCONT."""
        self._running.set()

    async def alive(self) -> None:
        """Wait while it is stopped; `Crash` when it is dead."""
        await self._running.wait()
        if self.dead:
            raise Crash(self.holder)


class NodeClock(VirtualClock):
    """The clock of a process: its waits end when the process runs."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if (node := NODE.get()) is not None:
            await node.alive()


class Gate:
    """What stands for `asyncio.to_thread`: calls of the store take a moment, and others come between."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    async def __call__(self, work: Callable[..., T], /, *given: Any, **named: Any) -> T:
        node = NODE.get()
        await asyncio.sleep(self._dice.choice((0.0, 0.0, 0.001, 0.02)))
        if node is not None:
            await node.alive()
        result = work(*given, **named)
        await asyncio.sleep(self._dice.choice((0.0, 0.0, 0.001)))
        if node is not None:
            await node.alive()
        return result


def adopting(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
    """A task factory: every task belongs to the process in whose context it is made."""
    task = asyncio.Task(work, loop=loop, **named)
    context = named.get("context")
    node = NODE.get() if context is None else context.get(NODE)
    if node is not None:
        node.adopt(task)
    return task
