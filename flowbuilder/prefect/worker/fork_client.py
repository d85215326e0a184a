"""Processes for executions that may have killed workers: whatever one of them does, no other execution is harmed.

A nursery that has everything imported and nothing open forks one for each. There it runs as far as its first recorded
outcome, which clears it of suspicion; so many that are innocent are through within seconds.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""How many suspects run at once, each in a process of its own."""
LINGER_SECONDS = 30.0
"""How long a nursery waits for the next suspect."""
ENDED = "\x1eended"
"""How a line begins with which the nursery says how a process has ended. Steps may print what they like."""


class Apart:
    """The nursery of one worker, there while it is needed."""

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._nursery: Process | None = None
        self._waiting: dict[str, asyncio.Future[int | None]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._parting: asyncio.TimerHandle | None = None
        self._one = asyncio.Lock()

    async def run(self, execution_id: str) -> int | None:
        """Have a process of its own run an execution, with the settings of this one. Returns once that has ended: None,
        or its id if it has died of the execution."""
        async with self._one:
            nursery = await self._ready()
        assert nursery.stdin is not None
        ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting[execution_id] = ended
        nursery.stdin.write(f"{execution_id}\n".encode())
        try:
            return await ended
        finally:
            self._waiting.pop(execution_id, None)
            if not self._waiting:
                self._parting = asyncio.get_running_loop().call_later(LINGER_SECONDS, nursery.stdin.close)

    def stop(self) -> None:
        """Have all of them finish their steps and end."""
        if self._nursery is not None and self._nursery.returncode is None:
            self._nursery.terminate()

    async def _ready(self) -> Process:
        if self._parting is not None:
            self._parting.cancel()
        there = self._nursery
        if there is not None and there.returncode is None and there.stdin is not None and not there.stdin.is_closing():
            return there
        command = [sys.executable, "-m", "flowbuilder", "worker", "--pool", self._pool, "--suspects"]
        self._nursery = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        self._reader = asyncio.create_task(self._read(self._nursery), name="suspects")
        return self._nursery

    async def _read(self, nursery: Process) -> None:
        assert nursery.stdout is not None
        while True:
            try:
                line = await nursery.stdout.readline()
            except ValueError:  # a line of a step's that is longer than anybody wants to read
                continue
            if not line:
                break
            mark, *words = line.decode(errors="replace").split()
            if mark == ENDED.strip() and len(words) == 3:
                self._ended(words[0], int(words[1]), int(words[2]))
        for ended in self._waiting.values():  # the nursery has ended: what it had under way ends by itself
            if not ended.done():
                ended.set_result(None)

    def _ended(self, execution_id: str, process: int, code: int) -> None:
        ended = self._waiting.get(execution_id)
        if ended is None or ended.done():
            return
        said = "" if code == 0 else f", which died of it with code {code}"
        logger.warning("execution %s had a process of its own%s", execution_id, said)
        ended.set_result(None if code == 0 else process)
