"""The processes under test: the Prefect server and the workers, all started by one thread.

A worker that exits is restarted, as a service manager would do.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flowbuilder.devstack.probes import responds
from flowbuilder.devstack.process import ProcessSpec, SupervisedProcess

RESTART_SECONDS = 0.3
"""Delay before a worker is restarted."""


@dataclass(frozen=True, kw_only=True)
class ProcessExit:
    """The exit of a worker process, at seconds since the epoch; `group` are its child processes, which end with it."""

    pid: int
    code: int
    at: float
    group: tuple[int, ...] = ()


class Starter:
    """Starts processes from one thread that lives as long as they do: the kernel stops a child with its thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="starter")

    def start(self, program: ProcessSpec, log: Path) -> SupervisedProcess:
        """Start a program."""
        return self._thread.submit(SupervisedProcess, program, log).result()

    def close(self) -> None:
        """End the thread; the kernel then stops processes that still run."""
        self._thread.shutdown()


class Prefect:
    """Prefect's server on its own SQLite database."""

    def __init__(self, starter: Starter, program: ProcessSpec, home: Path, logs: Path) -> None:
        self._starter, self._program = starter, program
        self._file, self._copy = home / "prefect.db", home / "earlier.db"
        self._log = logs / "prefect.log"
        self._child: SupervisedProcess | None = None
        self._up_since, self._took = 0.0, 0.0
        self.lock = threading.Lock()
        """Held by a fault while it has the server stopped."""

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it."""
        self._child = self._starter.start(self._program, self._log)

    def wait(self) -> None:
        """Wait until it answers; `RuntimeError` with the end of its log when it does not."""
        assert self._child is not None
        begun = time.monotonic()
        deadline = begun + self._program.start_timeout
        while not responds(self._program.health):
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the Prefect server did not start:\n{self._child.log_tail()}")
            time.sleep(0.1)
        self._up_since = time.monotonic()
        self._took = self._up_since - begun

    @property
    def is_settled(self) -> bool:
        """Whether the server has been up for as long as its start took, so that it can do some work between faults."""
        return time.monotonic() - self._up_since > self._took

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server and its child processes."""
        if self._child is not None:
            os.killpg(self._child.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def back_up(self) -> None:
        """Back its database up."""
        self._copy.unlink(missing_ok=True)
        with sqlite3.connect(self._file) as now, sqlite3.connect(self._copy) as copy:
            now.backup(copy)

    def restore(self) -> None:
        """Replace its database with the backup. The server must not run."""
        for file in self._file.parent.glob("prefect.db*"):
            file.unlink()
        shutil.copyfile(self._copy, self._file)


class Worker:
    """A worker process, restarted after each exit."""

    def __init__(self, starter: Starter, program: ProcessSpec, log: Path) -> None:
        self._starter, self._program, self._log = starter, program, log
        self._offset = 0
        self._child = self._begin()
        self._over = False
        self.lock = threading.Lock()
        """Held by a fault while it stops or drains the worker."""
        self.exits: list[ProcessExit] = []
        self._watch = threading.Thread(target=self._keep_running, name=f"watch {program.name}", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        """The id of the current process."""
        return self._child.pid

    @property
    def ready(self) -> bool:
        """Whether the current process has started its work, and no fault holds the lock."""
        if self.lock.locked() or self._child.exit_code is not None:
            return False
        with self._log.open("rb") as log:
            log.seek(self._offset)
            return b"started!" in log.read()

    def send(self, number: signal.Signals) -> int:
        """Send a signal to the process only, not to its children; returns its id, 0 when it had ended."""
        pid = self.pid
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return 0
        return pid

    def ended(self, pid: int, *, within: float) -> ProcessExit | None:
        """The exit of a process of this worker; None when it still runs after `within` seconds."""
        deadline = time.monotonic() + within
        while True:
            for end in list(self.exits):
                if end.pid == pid:
                    return end
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop restarting, and kill the current process."""
        self._over = True
        self._watch.join()
        self._child.kill()

    def _keep_running(self) -> None:
        while not self._over:
            code = self._child.exit_code
            if code is None:
                time.sleep(0.05)
                continue
            self.exits.append(ProcessExit(pid=self.pid, code=code, at=time.time(), group=_in_group(self.pid)))
            self._child.kill()  # its children
            time.sleep(RESTART_SECONDS)
            if not self._over:
                self._child = self._begin()

    def _begin(self) -> SupervisedProcess:
        self._offset = self._log.stat().st_size if self._log.exists() else 0
        return self._starter.start(self._program, self._log)


def _in_group(leader: int) -> tuple[int, ...]:
    """The processes of a group, without its leader."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[2]
        except (OSError, IndexError):
            continue  # it ended meanwhile
        if int(group) == leader and folder.name != str(leader):
            found.append(int(folder.name))
    return tuple(found)
