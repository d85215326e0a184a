"""Workers die, freeze, and are told to stop."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chaos.installation import World
from chaos.processes import Worker
from flowbuilder.errors import Unavailable

CARELESS_SHARE = 0.15
"""Share of the kills and drains that hit a worker though the other one is down as well."""
PATIENCE_SECONDS = 10.0
"""How long a fault waits for a worker that holds something."""
DRAIN_SECONDS = 30.0
"""How long a worker may take to finish its steps and end."""


class KillWorker:
    """SIGKILL. `held` are the executions that it held, to be followed until they go on."""

    name = "worker SIGKILL"
    every = 15.0
    least = 4

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Kill one, whatever it is doing."""
        with _victim(world, chance) as (worker, pid, held):
            at = time.time()
            worker.send(signal.SIGKILL)
            worker.ended(pid, within=5.0)
        return True, {"pid": pid, "held": held, "at": at}


class StopWorker:
    """SIGSTOP for longer than its leases last, then SIGCONT: it wakes up as a zombie."""

    name = "worker SIGSTOP past the lease"
    every = 60.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze one that holds something."""
        return _freeze(world, chance, world.options.lease * chance.uniform(1.1, 1.4))


class StopWorkerShortly:
    """SIGSTOP for less than a lease lasts between two renewals: nobody may take its executions."""

    name = "worker SIGSTOP within the lease"
    every = 40.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze one that holds something, for a moment."""
        return _freeze(world, chance, world.options.lease * chance.uniform(0.2, 0.4))


class DrainWorker:
    """SIGTERM: it finishes the steps that run and hands the rest over."""

    name = "worker SIGTERM"
    every = 60.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when it ended by itself with success."""
        with _victim(world, chance) as (worker, pid, held):
            begun = time.time()
            worker.send(signal.SIGTERM)
            end = worker.ended(pid, within=DRAIN_SECONDS)
        code = None if end is None else end.code
        seconds = None if end is None else round(end.at - begun, 2)
        return code == 0, {"pid": pid, "held": held, "at": begun, "code": code, "seconds": seconds}


def _freeze(world: World, chance: random.Random, seconds: float) -> tuple[bool, dict[str, Any]]:
    with _victim(world, chance, careless=0.0) as (worker, pid, held):
        worker.send(signal.SIGSTOP)
        try:
            world.closed.wait(seconds)
        finally:
            worker.send(signal.SIGCONT)
    return True, {"pid": pid, "held": held, "seconds": round(seconds, 2)}


@contextmanager
def _victim(
    world: World, chance: random.Random, *, careless: float = CARELESS_SHARE
) -> Iterator[tuple[Worker, int, list[str]]]:
    """A worker that is nobody else's victim, its process and what it holds; `Unavailable` when none holds anything.

    The other one is at work meanwhile, but for a `careless` share: with both of them frozen nobody could go on, which
    would prove nothing.
    """
    alone, deadline = chance.random() < careless, time.monotonic() + PATIENCE_SECONDS
    while True:
        for worker in sorted(world.workers, key=lambda worker: -len(world.held_by(worker.pid))):
            with world.choosing:
                others = all(other.ready for other in world.workers if other is not worker)
                if not worker.ready or not (others or alone) or not worker.lock.acquire(blocking=False):
                    continue
            try:
                pid = worker.pid
                held = world.held_by(pid)
                if held:
                    yield worker, pid, held
                    return
            finally:
                worker.lock.release()
        if time.monotonic() > deadline or world.over.is_set():
            raise Unavailable("no worker holds anything that could be harmed")
        time.sleep(0.1)
