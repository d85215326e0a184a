"""Faults of workers: kill, freeze, drain."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chaos.installation import Installation
from chaos.processes import Worker
from flowbuilder.errors import Unavailable

ALONE_SHARE = 0.15
"""Share of kills and drains that may hit a worker while the other one is down."""
MAX_WAIT_SECONDS = 10.0
"""Seconds that a fault waits for a worker that holds executions."""
DRAIN_SECONDS = 30.0
"""Seconds within which a worker must finish its steps and exit."""


class KillWorker:
    """SIGKILL. `held` are the executions that the worker held; the checks follow them until they resume."""

    name = "worker SIGKILL"
    every = 15.0
    least = 4

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Kill a worker that holds executions."""
        with _victim(installation, rng) as (worker, pid, held):
            at = time.time()
            worker.send(signal.SIGKILL)
            worker.ended(pid, within=5.0)
        return True, {"pid": pid, "held": held, "at": at}


class StopWorker:
    """SIGSTOP for longer than its leases last, then SIGCONT: it continues without its leases."""

    name = "worker SIGSTOP past the lease"
    every = 60.0
    least = 2

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze a worker that holds executions."""
        return _freeze(installation, rng, installation.options.lease * rng.uniform(1.1, 1.4))


class StopWorkerShortly:
    """SIGSTOP for less than a lease lasts between two renewals: no other worker may take its executions."""

    name = "worker SIGSTOP within the lease"
    every = 40.0
    least = 2

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze a worker that holds executions for a moment."""
        return _freeze(installation, rng, installation.options.lease * rng.uniform(0.2, 0.4))


class DrainWorker:
    """SIGTERM: the worker finishes its running steps and releases the rest."""

    name = "worker SIGTERM"
    every = 60.0
    least = 2

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when the worker exited with code 0."""
        with _victim(installation, rng) as (worker, pid, held):
            begun = time.time()
            worker.send(signal.SIGTERM)
            end = worker.ended(pid, within=DRAIN_SECONDS)
        code = None if end is None else end.code
        seconds = None if end is None else round(end.at - begun, 2)
        return code == 0, {"pid": pid, "held": held, "at": begun, "code": code, "seconds": seconds}


def _freeze(installation: Installation, rng: random.Random, seconds: float) -> tuple[bool, dict[str, Any]]:
    with _victim(installation, rng, alone_share=0.0) as (worker, pid, held):
        at = time.time()
        worker.send(signal.SIGSTOP)
        try:
            installation.closed.wait(seconds)
        finally:
            worker.send(signal.SIGCONT)
    return True, {"pid": pid, "held": held, "at": at, "seconds": round(seconds, 2)}


@contextmanager
def _victim(
    installation: Installation, rng: random.Random, *, alone_share: float = ALONE_SHARE
) -> Iterator[tuple[Worker, int, list[str]]]:
    """A worker that no other fault uses, its process id and its executions; `Unavailable` when none holds any.

    The other worker is running meanwhile, except for `alone_share` of the cases: with both down no execution could
    resume, which proves nothing.
    """
    alone, deadline = rng.random() < alone_share, time.monotonic() + MAX_WAIT_SECONDS
    while True:
        for worker in sorted(installation.workers, key=lambda worker: -len(installation.held_by(worker.pid))):
            with installation.victim_lock:
                others = all(other.ready for other in installation.workers if other is not worker)
                if not worker.ready or not (others or alone) or not worker.lock.acquire(blocking=False):
                    continue
            try:
                pid = worker.pid
                held = installation.held_by(pid)
                if held:
                    yield worker, pid, held
                    return
            finally:
                worker.lock.release()
        if time.monotonic() > deadline or installation.faults_over.is_set():
            raise Unavailable("no worker holds executions")
        time.sleep(0.1)
