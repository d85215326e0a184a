"""Wake-up channel to the warm workers of this machine: each listens on a loopback port that it registers in the home.

A wake-up is a hint: a worker that misses one finds the execution in the store within a second.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

from flowbuilder.ports.private_files import open_private, private_folder

FOLDER = "workers"
HOST = "127.0.0.1"
SEND_SECONDS = 0.5
"""Seconds that a connection to one worker may take."""
RECEIVE_SECONDS = 5.0
"""Seconds that a worker reads one message."""
MAX_BYTES = 65_536
"""Size of a message. A flow run that does not fit is left out; the worker reads it from Prefect."""


@dataclass(frozen=True, kw_only=True)
class RegisteredWorker:
    """A worker's file in the home."""

    host: str
    pid: int
    port: int
    token: str

    @property
    def is_local(self) -> bool:
        """Whether the worker runs on this machine: machines may share a home."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether the worker's process exists."""
        try:
            os.kill(self.pid, 0)
        except PermissionError:
            return True
        except OSError:
            return False
        return True


def wake_workers(home: Path, execution_id: str, run: str = "") -> bool:
    """Send a wake-up for an execution to every worker of this machine; whether one of them received it.

    `run` is the flow run as Prefect has just answered it, as JSON in one line: it saves the worker a call.
    """
    received = [_send(worker, execution_id, run) for worker in _registered_workers(home)]
    return any(received)


class WakeUpListener:
    """Calls `on_wakeup(execution_id, run)` in the event loop for every wake-up that carries this worker's token; `run`
    is the flow run, or None when the message has none that this release can read."""

    def __init__(self, home: Path, on_wakeup: Callable[[str, FlowRun | None], None]) -> None:
        self._folder = home / FOLDER
        self._file = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._on_wakeup = on_wakeup
        self._token = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> WakeUpListener:
        self._server = await asyncio.start_server(self._receive, HOST, 0, limit=MAX_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        worker = RegisteredWorker(host=socket.gethostname(), pid=os.getpid(), port=port, token=self._token)
        private_folder(self._folder.parent)
        private_folder(self._folder)
        draft = self._file.with_suffix(".draft")
        with os.fdopen(open_private(draft, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            json.dump(asdict(worker), file)
        draft.replace(self._file)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._file.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(RECEIVE_SECONDS):
                line = (await reader.readline()).decode("utf-8").strip()
                token, _, message = line.partition(" ")
                execution_id, _, run = message.partition(" ")
                if hmac.compare_digest(token.encode(), self._token.encode()) and execution_id:
                    self._on_wakeup(execution_id, _flow_run(execution_id, run))
        writer.close()


def _flow_run(execution_id: str, text: str) -> FlowRun | None:
    """The flow run of the execution in a message; None when it has none, or one of another release."""
    from prefect.client.schemas.objects import FlowRun

    with contextlib.suppress(ValueError):
        run = FlowRun.model_validate_json(text) if text else None
        return run if run is not None and str(run.id) == execution_id else None
    return None


def _registered_workers(home: Path) -> list[RegisteredWorker]:
    """The running workers of this machine. Files of killed ones are deleted: another process may use the port, and
    must not receive the token."""
    found = []
    for file in sorted((home / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            worker = RegisteredWorker(**json.loads(file.read_text(encoding="utf-8")))
            if worker.is_local and worker.is_alive:
                found.append(worker)
            elif worker.is_local:
                file.unlink(missing_ok=True)
    return found


def _send(worker: RegisteredWorker, execution_id: str, run: str) -> bool:
    """Send without waiting for an answer: a busy worker reads the message later. False when it does not accept the
    connection, because it has ended or is too busy; the reconciler finds the execution then."""
    line = f"{worker.token} {execution_id} {run}".rstrip().encode()
    if len(line) >= MAX_BYTES:
        line = f"{worker.token} {execution_id}".encode()
    try:
        with socket.create_connection((HOST, worker.port), timeout=SEND_SECONDS) as connection:
            connection.sendall(line + b"\n")
            return True
    except OSError:
        return False
