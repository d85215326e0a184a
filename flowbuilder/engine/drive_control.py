"""What a worker tells a drive while it runs."""

from __future__ import annotations

import asyncio


class DriveControl:
    """Two things that a drive learns at once and not within a second.

    `look()`: a person has decided or asked for something. `leave()`: finish the steps that run, begin no other, and
    hand the execution back as queued.
    """

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self.leaving = False

    def look(self) -> None:
        """Have the drive look at what people have decided."""
        self._heard.set()

    def leave(self) -> None:
        """Have the drive hand the execution back."""
        self.leaving = True
        self._heard.set()

    async def heard(self) -> None:
        """Return as soon as there is something to hear."""
        await self._heard.wait()

    def take(self) -> bool:
        """Whether there was something to hear since the last call."""
        there = self._heard.is_set()
        self._heard.clear()
        return there
