"""Process supervisor: starts processes, waits until they are ready, restarts those that exit, and stops them all.

Own code because the libraries do not fit `up`: honcho stops everything when one process exits, and circus is a daemon
that is controlled over ZeroMQ sockets. `up` restarts a process that exits, but only `MAX_RESTARTS` times within
`RESTART_WINDOW`, so that one that keeps crashing is reported with the end of its log.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from flowbuilder.devstack.probes import responds
from flowbuilder.devstack.process import ProcessSpec, SupervisedProcess
from flowbuilder.errors import Unavailable
from flowbuilder.ports.private_files import close_tree_to_others, private_folder

MAX_RESTARTS = 5
RESTART_WINDOW = 600.0
"""Seconds. A process that exits by itself more than `MAX_RESTARTS` times within this window stops the supervisor."""
KILLED = (-signal.SIGKILL, -signal.SIGTERM)
"""Exit codes of a process killed from outside (a user, the out-of-memory killer): these exits are not counted."""
STOP_TIMEOUT = 8.0
"""Seconds that processes get to stop before they are killed."""
MAX_LOG_BYTES = 5_000_000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the supervisor to stop. Not an `Exception`, so that no `except Exception` catches it."""


class Supervisor(AbstractContextManager["Supervisor"]):
    """Keeps processes running inside its `with` block. SIGINT, SIGTERM and SIGHUP raise `Stopped` in the block."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, SupervisedProcess] = {}
        self._exits: dict[str, list[float]] = {}
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        close_tree_to_others(private_folder(self._logs))
        # set before any process starts: a shell starts background jobs with SIGINT ignored, and children would inherit
        # that; a signal with a handler is reset to its default in the child
        self._before = {number: signal.signal(number, _stop) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.stop()
        for known, handler in self._before.items():
            signal.signal(known, handler)

    def start(self, spec: ProcessSpec) -> None:
        """Start a process. A log larger than `MAX_LOG_BYTES` is rotated first."""
        log = self._logs / f"{spec.name}.log"
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        self._children[spec.name] = SupervisedProcess(spec, log)

    def wait_until_ready(self, names: Iterable[str]) -> None:
        """Return when all respond to their health URL. Raises `Unavailable` when one exits or takes too long."""
        begun = time.monotonic()
        for name in names:
            child = self._children[name]
            while not responds(child.spec.health):
                if child.exit_code is not None:
                    raise Unavailable(_exit_message(child))
                if time.monotonic() - begun > child.spec.start_timeout:
                    raise Unavailable(
                        f"{name} did not respond within {child.spec.start_timeout:.0f} seconds; see {child.log}"
                    )
                time.sleep(0.2)

    def watch_once(self) -> list[str]:
        """Restart processes that have exited; returns their names. Raises `Unavailable` when one exits too often."""
        restarted = []
        for name, child in list(self._children.items()):
            if child.exit_code is None:
                continue
            now = time.monotonic()
            recent = [moment for moment in self._exits.get(name, []) if now - moment < RESTART_WINDOW]
            if child.exit_code not in KILLED:
                if len(recent) >= MAX_RESTARTS:
                    raise Unavailable(f"{name} exited {len(recent) + 1} times. {_exit_message(child)}")
                recent = [*recent, now]
            self._exits[name] = recent
            child.kill()
            time.sleep(min(0.5 * 2 ** max(len(recent) - 1, 0), 8.0))
            self.start(child.spec)
            restarted.append(name)
        return restarted

    def watch(self) -> None:
        """Restart processes that exit, until `Stopped` is raised."""
        while True:
            self.watch_once()
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop all process groups, last started first; kill those that still run after `STOP_TIMEOUT` seconds."""
        children = list(reversed(self._children.values()))
        for child in children:
            child.terminate()
        until = time.monotonic() + STOP_TIMEOUT
        while any(child.exit_code is None for child in children) and time.monotonic() < until:
            time.sleep(0.05)
        for child in children:
            child.kill()
        self._children.clear()


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


def _exit_message(child: SupervisedProcess) -> str:
    tail = child.log_tail()
    log = f"\nThe end of its log ({child.log}):\n{tail}" if tail else ""
    return f"{child.spec.name} exited with code {child.exit_code}{log}"
