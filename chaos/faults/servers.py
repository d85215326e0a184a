"""Faults of PostgreSQL and of the Prefect server."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

from chaos.installation import Installation
from flowbuilder.errors import Unavailable
from flowbuilder.model.execution import ACTIVE, Execution
from flowbuilder.ports import ExecutionFilter

T = TypeVar("T")
MAX_WAIT_SECONDS = 20.0
"""Seconds that a fault of Prefect waits for a target."""
MAX_DATABASE_WAIT_SECONDS = 10.0
"""Seconds that a crash of the database waits for running executions."""


class CrashDatabase:
    """Crash PostgreSQL and restart it at once."""

    name = "PostgreSQL crash restart"
    every = 25.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when executions were running."""
        assert installation.database is not None
        deadline = time.monotonic() + MAX_DATABASE_WAIT_SECONDS
        while not (
            running := installation.store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=200)
        ):
            if time.monotonic() > deadline or installation.faults_over.wait(0.1):
                return False, {}
        installation.database.crash()
        return bool(running), {"running": len(running)}


class KillPrefect:
    """SIGKILL, up to three seconds without a server, and a start."""

    name = "Prefect server killed"
    every = 120.0
    least = 1

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """While executions are active."""
        with installation.prefect.lock:
            active = _wait_for(installation, lambda: _active(installation) if installation.prefect.is_settled else [])
            begun = time.monotonic()
            installation.prefect.kill()
            time.sleep(rng.uniform(0.0, 3.0))
            installation.prefect.start()
        return True, {"active": len(active), "seconds": round(time.monotonic() - begun, 1)}


class FreezePrefect:
    """SIGSTOP for longer than any client's timeout, then SIGCONT: the server accepts and does not answer."""

    name = "Prefect server frozen"
    every = 100.0
    least = 1

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """While executions are active."""
        with installation.prefect.lock:
            active = _wait_for(installation, lambda: _active(installation))
            seconds = rng.uniform(6.0, 9.0)
            installation.prefect.send(signal.SIGSTOP)
            try:
                installation.closed.wait(seconds)
            finally:
                installation.prefect.send(signal.SIGCONT)
        return True, {"active": len(active), "seconds": round(seconds, 1)}


class RestorePrefect:
    """Restore an older copy of Prefect's database: later runs are unknown, and old states are back."""

    name = "Prefect restored from an older copy"
    every = 150.0
    least = 1

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """While executions are active that began after the copy."""
        with installation.prefect.lock:
            _wait_for(installation, lambda: installation.prefect.is_settled)
            installation.prefect.back_up()
            copied = time.time()
        installation.faults_over.wait(min(rng.uniform(5.0, 20.0), installation.options.seconds / 10))
        with installation.prefect.lock:
            lost = _wait_for(
                installation, lambda: [run.id for run in _active(installation) if run.created_at.timestamp() > copied]
            )
            begun = time.monotonic()
            installation.prefect.kill()
            installation.prefect.restore()
            installation.prefect.start()
        return True, {"lost": lost, "copied": copied, "seconds": round(time.monotonic() - begun, 1)}


def _active(installation: Installation) -> list[Execution]:
    return list(installation.store.executions(ExecutionFilter(statuses=ACTIVE), limit=200))


def _wait_for(installation: Installation, probe: Callable[[], T]) -> T:
    """The first result that is not empty; `Unavailable` when there is none within `MAX_WAIT_SECONDS`."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not (found := probe()):
        if time.monotonic() > deadline or installation.faults_over.wait(0.1):
            raise Unavailable("no active executions for a fault of Prefect")
    return found
