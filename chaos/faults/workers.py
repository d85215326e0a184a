"""Workers die, freeze, and are told to stop."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

from chaos.processes import Worker
from chaos.world import World

DRAIN_SECONDS = 30.0
"""How long a worker may take to finish its steps and end."""


class KillWorker:
    """SIGKILL. Mattered when it held executions: `held` are those, to be followed until they go on."""

    name = "worker SIGKILL"
    every = 15.0
    least = 4

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Kill one, whatever it is doing."""
        worker = _busiest(world, chance)
        with worker.lock:
            pid, held = _busy(world, worker)
            at = time.time()
            worker.send(signal.SIGKILL)
            worker.ended(pid, within=5.0)
        return bool(held), {"pid": pid, "held": held, "at": at}


class StopWorker:
    """SIGSTOP for longer than its leases last, then SIGCONT: it wakes up as a zombie."""

    name = "worker SIGSTOP past the lease"
    every = 60.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze one that holds something."""
        return _freeze(world, _busiest(world, chance), world.options.lease * chance.uniform(1.1, 1.4))


class StopWorkerShortly:
    """SIGSTOP for less than a lease lasts between two renewals: nobody may take its executions."""

    name = "worker SIGSTOP within the lease"
    every = 40.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Freeze one that holds something, for a moment."""
        return _freeze(world, _busiest(world, chance), world.options.lease * chance.uniform(0.2, 0.4))


class DrainWorker:
    """SIGTERM: it finishes the steps that run and hands the rest over."""

    name = "worker SIGTERM"
    every = 60.0
    least = 2

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when it held executions and ended by itself with success."""
        worker = _busiest(world, chance)
        with worker.lock:
            pid, held = _busy(world, worker)
            begun = time.time()
            worker.send(signal.SIGTERM)
            end = worker.ended(pid, within=DRAIN_SECONDS)
        code = None if end is None else end.code
        seconds = round((end.at if end else time.time()) - begun, 2)
        return bool(held) and code == 0, {"pid": pid, "held": held, "code": code, "seconds": seconds}


def _freeze(world: World, worker: Worker, seconds: float) -> tuple[bool, dict[str, Any]]:
    with worker.lock:
        pid, held = _busy(world, worker)
        worker.send(signal.SIGSTOP)
        try:
            world.closed.wait(seconds)
        finally:
            if worker.pid == pid:
                worker.send(signal.SIGCONT)
    return bool(held), {"pid": pid, "held": held, "seconds": round(seconds, 2)}


def _busiest(world: World, chance: random.Random) -> Worker:
    """Mostly the one that holds the most."""
    if chance.random() < 0.3:
        return chance.choice(world.workers)
    return max(world.workers, key=lambda worker: len(world.held_by(worker.pid)))


def _busy(world: World, worker: Worker, *, patience: float = 10.0) -> tuple[int, list[str]]:
    """The process of a worker, once it holds something; waits a little for that."""
    deadline = time.monotonic() + patience
    while True:
        pid = worker.pid
        held = world.held_by(pid)
        if held or time.monotonic() > deadline:
            return pid, held
        time.sleep(0.05)
