"""Client of the fork server, which runs each suspect execution in a child process (see `crash_isolation`).

A child runs its execution up to the first recorded outcome, which ends the suspicion; so many suspects that do not
crash are done within seconds.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process

logger = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
"""Seconds for which a fork server without children is kept running."""
EXIT_MARK = "\x1eended"
"""The beginning of a line in which the fork server reports the exit of a child. Steps may print other lines."""


class ForkServerClient:
    """Starts a fork server when one is needed, and stops it when it is idle. One for each worker."""

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._server: Process | None = None
        self._exits: dict[str, asyncio.Future[int | None]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._starting = asyncio.Lock()

    async def run(self, execution_id: str) -> int | None:
        """Run an execution in a child process with the settings of this process. Returns at its exit None, or the id of
        the child if it crashed."""
        async with self._starting:
            server = await self._running_server()
        assert server.stdin is not None
        exited: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._exits[execution_id] = exited
        server.stdin.write(f"{execution_id}\n".encode())
        try:
            return await exited
        finally:
            self._exits.pop(execution_id, None)
            if not self._exits:
                self._idle_timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, server.stdin.close)

    def stop(self) -> None:
        """Tell all children to finish their steps and exit."""
        if self._server is not None and self._server.returncode is None:
            self._server.terminate()

    async def _running_server(self) -> Process:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        server = self._server
        if server and server.returncode is None and server.stdin is not None and not server.stdin.is_closing():
            return server
        command = [sys.executable, "-m", "flowbuilder", "worker", "--pool", self._pool, "--suspects"]
        self._server = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        self._reader = asyncio.create_task(self._read(self._server), name="suspects")
        return self._server

    async def _read(self, server: Process) -> None:
        """Read the exits that the server reports, until it exits itself; its children then exit on their own."""
        assert server.stdout is not None
        while True:
            try:
                line = await server.stdout.readline()
            except ValueError:  # a line of a step's that is longer than the reader's limit
                continue
            if not line:
                break
            mark, *fields = line.decode(errors="replace").split() or [""]
            if mark == EXIT_MARK.strip() and len(fields) == 3:
                self._on_exit(fields[0], int(fields[1]), int(fields[2]))
        for exited in self._exits.values():
            if not exited.done():
                exited.set_result(None)

    def _on_exit(self, execution_id: str, process: int, code: int) -> None:
        exited = self._exits.get(execution_id)
        if exited is None or exited.done():
            return
        crashed = f", which crashed with code {code}" if code else ""
        logger.warning("execution %s ran in a process of its own%s", execution_id, crashed)
        exited.set_result(process if code else None)
