"""A provider that rejects all calls for a while, a worker for the executions that call it, and a simulated clock."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from math import ceil

from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.model.execution import TERMINAL
from flowbuilder.ports import Clock, Ports, Store

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class JumpingClock:
    """A clock that stands still while a task works, and jumps to the next moment at which one is due."""

    def __init__(self) -> None:
        self._now = START
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._number = count()

    def now(self) -> datetime:
        """The time in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        at = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._sleepers, (at, next(self._number), woken))
        await woken

    @property
    def sleeper_count(self) -> int:
        """The number of tasks that sleep."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def jump(self, other: datetime | None) -> None:
        """Jump to the first sleeper's moment, or to `other` if that is earlier."""
        first = self._sleepers[0][0] if self._sleepers else None
        self._now = max(self._now, min(moment for moment in (first, other) if moment is not None))
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


@dataclass
class Provider:
    """An HTTP server: until `opens` it answers 429, then it allows `rate` calls a second in bursts of one second."""

    clock: Clock
    rate: float
    retry_after: int | None
    opens: datetime = START
    refused: list[datetime] = field(default_factory=list)
    answered: list[datetime] = field(default_factory=list)
    _filled: datetime = START
    _tokens: float = 0.0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve within this block; yields the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self._allowed():
            self.answered.append(self.clock.now())
            head = "HTTP/1.1 200 OK"
        else:
            self.refused.append(self.clock.now())
            said = "" if self.retry_after is None else f"\r\nRetry-After: {self.retry_after}"
            head = f"HTTP/1.1 429 Too Many Requests{said}"
        writer.write(f"{head}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())
        await writer.drain()
        writer.close()

    def _allowed(self) -> bool:
        now = self.clock.now()
        if now < self.opens:
            return False
        since = max(self._filled, self.opens - timedelta(seconds=1))
        self._tokens = min(self.rate, self._tokens + (now - since).total_seconds() * self.rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class SimulatedWorker:
    """A worker with so many slots: it runs executions that are ready, and frees the slot of one that waits."""

    store: Store
    ports: Ports
    clock: Clock
    slot_count: int = 16
    runs: int = 0
    longest: float = 0.0
    """The longest time that a run occupied a slot, in seconds of the clock."""

    @cached_property
    def plans(self) -> PlanCache:
        return PlanCache(self.store)

    async def work(self, ids: list[str], *, seconds: float) -> None:
        """Run these executions until all have ended; after so many seconds of the clock none is started."""
        until = self.clock.now() + timedelta(seconds=seconds)
        slots: dict[str, asyncio.Task[None]] = {}
        due = {execution_id: ready for execution_id in ids if (ready := self._ready_at(execution_id)) is not None}
        while slots or (due and self.clock.now() < until):
            following = sorted(due, key=lambda execution_id: due[execution_id])
            for execution_id in following[: self.slot_count - len(slots)]:
                if due[execution_id] <= self.clock.now() < until:
                    del due[execution_id]
                    slots[execution_id] = asyncio.create_task(self._run(execution_id))
            await self._pass_time(slots, min(due.values(), default=None))
            for execution_id in [name for name, task in slots.items() if task.done()]:
                slots.pop(execution_id).result()
                if (ready := self._ready_at(execution_id)) is not None:
                    due[execution_id] = ready

    def _ready_at(self, execution_id: str) -> datetime | None:
        row = self.store.execution(execution_id)
        assert row.status in TERMINAL or row.ready_at is not None, (
            f"{row.id} is {row.status} and has no time at which it is ready"
        )
        return row.ready_at

    async def _run(self, execution_id: str) -> None:
        begun = self.clock.now()
        await run_execution(
            self.store,
            execution_id,
            holder="worker",
            ttl=timedelta(hours=1),
            ports=self.ports,
            plans=self.plans,
        )
        self.runs += 1
        self.longest = max(self.longest, (self.clock.now() - begun).total_seconds())

    async def _pass_time(self, slots: dict[str, asyncio.Task[None]], due: datetime | None) -> None:
        if not isinstance(self.clock, JumpingClock):
            await asyncio.sleep(0.05)
            return
        while self.clock.sleeper_count < len(slots):
            await asyncio.sleep(0.001)
            if any(task.done() for task in slots.values()):
                return
        if self.clock.sleeper_count or (due is not None and due > self.clock.now()):
            # a worker polls for ready executions once a second
            next_poll = due and START + timedelta(seconds=ceil((due - START).total_seconds()))
            self.clock.jump(next_poll if len(slots) < self.slot_count else None)
