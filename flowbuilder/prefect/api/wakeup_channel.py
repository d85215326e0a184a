"""The wake-up of warm workers on one machine: each listens on a loopback port that it lists in the home.

A wake-up is a hint. Whoever misses one finds the execution in the store, some tenths of a second later.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "workers"
HOST = "127.0.0.1"
PATIENCE = 0.5
"""Seconds that a connection may take."""
LONGEST = 65_536
"""Bytes of a word to a worker. What Prefect knows of a run is left out when it does not fit: the worker asks then."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A worker as its file in the home lists it."""

    host: str
    pid: int
    port: int
    token: str

    @property
    def here(self) -> bool:
        """Whether it runs on this machine: a home may be shared."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        try:
            os.kill(self.pid, 0)
        except PermissionError:
            return True
        except OSError:
            return False
        return True


def wake_workers(home: Path, execution_id: str, run: str = "") -> bool:
    """Tell every worker of this machine that an execution should go on; whether any of them took the word.

    `run` is what Prefect has just told of its flow run, as JSON in one line: it saves the worker from asking again.
    """
    taken = [_tell(worker, execution_id, run) for worker in _listed(home)]
    return any(taken)


class WakeUps:
    """A worker's ear: calls `wake(execution_id, run)` in the event loop for every wake-up that carries the right token;
    `run` is empty, or the flow run as JSON."""

    def __init__(self, home: Path, wake: Callable[[str, str], None]) -> None:
        self._folder = home / FOLDER
        self._file = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._wake = wake
        self._token = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> WakeUps:
        self._server = await asyncio.start_server(self._hear, HOST, 0, limit=LONGEST)
        port = self._server.sockets[0].getsockname()[1]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._file.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(Listed(host=socket.gethostname(), pid=os.getpid(), port=port, token=self._token)), file)
        draft.replace(self._file)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._file.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(10 * PATIENCE):
                line = (await reader.readline()).decode("utf-8").strip()
                token, _, word = line.partition(" ")
                execution_id, _, run = word.partition(" ")
                if hmac.compare_digest(token.encode(), self._token.encode()) and execution_id:
                    self._wake(execution_id, run)
        writer.close()


def _listed(home: Path) -> list[Listed]:
    found = []
    for file in sorted((home / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            worker = Listed(**json.loads(file.read_text(encoding="utf-8")))
            if worker.here and worker.alive:
                found.append(worker)
            elif worker.here:
                file.unlink(missing_ok=True)  # it was killed: its token is not to reach who has the port now
    return found


def _tell(worker: Listed, execution_id: str, run: str) -> bool:
    line = f"{worker.token} {execution_id} {run}".rstrip().encode()
    if len(line) >= LONGEST:
        line = f"{worker.token} {execution_id}".encode()
    try:
        with socket.create_connection((HOST, worker.port), timeout=PATIENCE) as connection:
            connection.sendall(line + b"\n")
            return True  # its answer is not waited for: a worker that is busy reads the word when it can
    except OSError:
        return False  # it has ended without taking its file away, or is too busy: the next sweep finds the execution
