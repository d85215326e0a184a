"""The store's clock on a worker: its own clock may be wrong, and all workers must measure waits by the same one."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from flowbuilder.ports import Clock, Store


class StoreClock:
    """A `ports.Clock`: the worker's clock, corrected by the offset that the store's clock had when it was last read."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._off = timedelta()

    async def ask(self) -> datetime:
        """Read the store's clock: the time now, in UTC."""
        now = await asyncio.to_thread(self._store.now)
        self._off = now - self._clock.now()
        return now

    def now(self) -> datetime:
        """The store's time in UTC, without asking the store."""
        return self._clock.now() + self._off

    async def sleep(self, seconds: float) -> None:
        """Sleep for this number of seconds."""
        await self._clock.sleep(seconds)
