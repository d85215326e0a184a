"""The processes that faults hit: Prefect's server and the workers. All are started by one thread.

A worker that dies is started again as an operating system would do it, whatever killed it.
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
"""How long after its death a worker is started again."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How a worker's process ended, and when (seconds since the epoch); `group` are the processes that it had started,
    which end with it."""

    pid: int
    code: int
    at: float
    group: tuple[int, ...] = ()


class Starter:
    """Starts processes from one thread that lives as long as they do: the kernel stops a child with its thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="starter")

    def start(self, program: ProcessSpec, log: Path) -> SupervisedProcess:
        """A running program."""
        return self._thread.submit(SupervisedProcess, program, log).result()

    def close(self) -> None:
        """End the thread; what still runs is told to stop by the kernel."""
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
        """Held by whoever has it stopped."""

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it."""
        self._child = self._starter.start(self._program, self._log)

    def wait(self) -> None:
        """Wait until it answers; `RuntimeError` with its last words when it does not."""
        assert self._child is not None
        begun = time.monotonic()
        deadline = begun + self._program.start_timeout
        while not responds(self._program.health):
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Prefect's server does not start:\n{self._child.log_tail()}")
            time.sleep(0.1)
        self._up_since = time.monotonic()
        self._took = self._up_since - begun

    @property
    def is_settled(self) -> bool:
        """Whether it has been up for as long as its start took: a server that is always away starts nothing."""
        return time.monotonic() - self._up_since > self._took

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server and all that it has started."""
        if self._child is not None:
            os.killpg(self._child.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def remember(self) -> None:
        """Copy its database as it is now."""
        self._copy.unlink(missing_ok=True)
        with sqlite3.connect(self._file) as now, sqlite3.connect(self._copy) as copy:
            now.backup(copy)

    def restore(self) -> None:
        """Put the copy in the place of its database. It must not run."""
        for file in self._file.parent.glob("prefect.db*"):
            file.unlink()
        shutil.copyfile(self._copy, self._file)


class Worker:
    """One place for a worker: a process, and the next one after it."""

    def __init__(self, starter: Starter, program: ProcessSpec, log: Path) -> None:
        self._starter, self._program, self._log = starter, program, log
        self._offset = 0
        self._child = self._begin()
        self._over = False
        self.lock = threading.Lock()
        """Held by whoever has it stopped or drains it."""
        self.ends: list[End] = []
        self._watch = threading.Thread(target=self._keep_running, name=f"watch {program.name}", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        """The process that is there now."""
        return self._child.pid

    @property
    def ready(self) -> bool:
        """Whether the process that is there now has begun its work, and nobody is doing anything to it."""
        if self.lock.locked() or self._child.exit_code is not None:
            return False
        with self._log.open("rb") as log:
            log.seek(self._offset)
            return b"started!" in log.read()

    def send(self, number: signal.Signals) -> int:
        """Send a signal to the process itself, not to what it has started; returns whom it reached, 0 for nobody."""
        pid = self.pid
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return 0
        return pid

    def ended(self, pid: int, *, within: float) -> End | None:
        """How a process of this place ended; None when it still runs after so many seconds."""
        deadline = time.monotonic() + within
        while True:
            for end in list(self.ends):
                if end.pid == pid:
                    return end
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)

    def stop(self) -> None:
        """Start no other one, and kill what is there."""
        self._over = True
        self._watch.join()
        self._child.kill()

    def _keep_running(self) -> None:
        while not self._over:
            code = self._child.exit_code
            if code is None:
                time.sleep(0.05)
                continue
            self.ends.append(End(pid=self.pid, code=code, at=time.time(), group=_in_group(self.pid)))
            self._child.kill()  # what it had started
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
            continue  # it has ended meanwhile
        if int(group) == leader and folder.name != str(leader):
            found.append(int(folder.name))
    return tuple(found)
