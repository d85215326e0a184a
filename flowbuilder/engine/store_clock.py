"""The store's time, on a worker whose own clock may be wrong: whoever waits and whoever wakes go by one clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from flowbuilder.ports import Clock, Store


class StoreClock:
    """A `ports.Clock`: the worker's clock, put right by what the store says whenever it is asked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._off = timedelta()

    async def ask(self) -> datetime:
        """What time it is, from the store itself."""
        said = await asyncio.to_thread(self._store.now)
        self._off = said - self._clock.now()
        return said

    def now(self) -> datetime:
        """The time in UTC, as the store has it."""
        return self._clock.now() + self._off

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)
