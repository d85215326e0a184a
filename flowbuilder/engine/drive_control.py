"""Control of a running driver by its worker: wake it, or stop it."""

from __future__ import annotations

import asyncio


class DriveControl:
    """Wakes a driver that waits, and stops it. Not thread-safe: for the driver's event loop."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self.stopping = False

    def wake(self) -> None:
        """Have the driver look at once for decisions and for pause and cancel requests."""
        self._woken.set()

    def stop(self) -> None:
        """Have the driver finish the steps that run, start no other, and requeue the execution."""
        self.stopping = True
        self._woken.set()

    async def wait(self) -> None:
        """Return once `wake` or `stop` was called since the last `consume`."""
        await self._woken.wait()

    def consume(self) -> bool:
        """Whether `wake` or `stop` was called since the last call."""
        woken = self._woken.is_set()
        self._woken.clear()
        return woken
