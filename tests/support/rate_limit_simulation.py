"""A provider that turns everybody away for a while, two hundred executions that need it, and the time in between."""

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


class LeapingClock:
    """Time that stands still while anybody works, and leaps to the next moment at which there is something to do."""

    def __init__(self) -> None:
        self._now = START
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._number = count()

    def now(self) -> datetime:
        """The time in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for the time to come."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        at = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._sleepers, (at, next(self._number), woken))
        await woken

    @property
    def asleep(self) -> int:
        """How many wait."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def leap(self, other: datetime | None) -> None:
        """To the first sleeper's moment, or to `other` when that is earlier."""
        first = self._sleepers[0][0] if self._sleepers else None
        self._now = max(self._now, min(moment for moment in (first, other) if moment is not None))
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


@dataclass
class Provider:
    """An HTTP server: until `opens` it answers 429, then it allows `rate` calls a second, with one second's at once."""

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
        """The port that it listens on."""
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
    """A worker with so many places: it takes up what the store says is ready, and lets go of what waits."""

    store: Store
    ports: Ports
    clock: Clock
    places: int = 16
    turns: int = 0
    longest: float = 0.0
    """For how many seconds of the clock a turn took a place at most."""

    @cached_property
    def plans(self) -> PlanCache:
        return PlanCache(self.store)

    async def work(self, ids: list[str], *, seconds: float) -> None:
        """Until all have ended; after so many seconds of the clock no more are taken up."""
        until = self.clock.now() + timedelta(seconds=seconds)
        seats: dict[str, asyncio.Task[None]] = {}
        due = {execution_id: ready for execution_id in ids if (ready := self._ready_at(execution_id)) is not None}
        while seats or (due and self.clock.now() < until):
            following = sorted(due, key=lambda execution_id: due[execution_id])
            for execution_id in following[: self.places - len(seats)]:
                if due[execution_id] <= self.clock.now() < until:
                    del due[execution_id]
                    seats[execution_id] = asyncio.create_task(self._turn(execution_id))
            await self._pass_time(seats, min(due.values(), default=None))
            for execution_id in [name for name, task in seats.items() if task.done()]:
                seats.pop(execution_id).result()
                if (ready := self._ready_at(execution_id)) is not None:
                    due[execution_id] = ready

    def _ready_at(self, execution_id: str) -> datetime | None:
        row = self.store.execution(execution_id)
        assert row.status in TERMINAL or row.ready_at is not None, f"{row.id} is {row.status} and nobody takes it up"
        return row.ready_at

    async def _turn(self, execution_id: str) -> None:
        begun = self.clock.now()
        await run_execution(
            self.store,
            execution_id,
            holder="hands",
            ttl=timedelta(hours=1),
            ports=self.ports,
            plans=self.plans,
        )
        self.turns += 1
        self.longest = max(self.longest, (self.clock.now() - begun).total_seconds())

    async def _pass_time(self, seats: dict[str, asyncio.Task[None]], due: datetime | None) -> None:
        if not isinstance(self.clock, LeapingClock):
            await asyncio.sleep(0.05)
            return
        while self.clock.asleep < len(seats):
            await asyncio.sleep(0.001)
            if any(task.done() for task in seats.values()):
                return
        if self.clock.asleep or (due is not None and due > self.clock.now()):
            # a worker looks once a second what is ready
            looked = due and START + timedelta(seconds=ceil((due - START).total_seconds()))
            self.clock.leap(looked if len(seats) < self.places else None)
