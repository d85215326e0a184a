"""Prefect's server dies, and forgets."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

from chaos.installation import World
from flowbuilder.errors import Unavailable
from flowbuilder.model.execution import ACTIVE, Execution
from flowbuilder.ports import ExecutionFilter

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
"""How long a fault waits until it can hit something."""


class KillPrefect:
    """SIGKILL, a while without a server, and a start."""

    name = "Prefect server killed"
    every = 120.0
    least = 1

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Under executions that are under way."""
        with world.prefect.lock:
            active = _wait_for(world, lambda: _active(world) if world.prefect.is_settled else [])
            begun = time.monotonic()
            world.prefect.kill()
            time.sleep(chance.uniform(0.0, 3.0))
            world.prefect.start()
        return True, {"active": len(active), "seconds": round(time.monotonic() - begun, 1)}


class FreezePrefect:
    """SIGSTOP for longer than anybody waits for an answer, then SIGCONT: it neither answers nor refuses."""

    name = "Prefect server frozen"
    every = 100.0
    least = 1

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Under executions that are under way."""
        with world.prefect.lock:
            active = _wait_for(world, lambda: _active(world))
            seconds = chance.uniform(6.0, 9.0)
            world.prefect.send(signal.SIGSTOP)
            try:
                world.closed.wait(seconds)
            finally:
                world.prefect.send(signal.SIGCONT)
        return True, {"active": len(active), "seconds": round(seconds, 1)}


class RestorePrefect:
    """Its database is put back to how it was a while ago: it knows nothing of later runs, and believes old ones."""

    name = "Prefect restored from an older copy"
    every = 150.0
    least = 1

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """When executions are under way that began after the copy."""
        with world.prefect.lock:
            _wait_for(world, lambda: world.prefect.is_settled)
            world.prefect.remember()
            copied = time.time()
        world.over.wait(min(chance.uniform(5.0, 20.0), world.options.seconds / 10))
        with world.prefect.lock:
            lost = _wait_for(world, lambda: [run.id for run in _active(world) if run.created_at.timestamp() > copied])
            begun = time.monotonic()
            world.prefect.kill()
            world.prefect.restore()
            world.prefect.start()
        return True, {"lost": lost, "copied": copied, "seconds": round(time.monotonic() - begun, 1)}


def _active(world: World) -> list[Execution]:
    return list(world.store.executions(ExecutionFilter(statuses=ACTIVE), limit=200))


def _wait_for(world: World, question: Callable[[], T]) -> T:
    """The first answer that is not empty; `Unavailable` when there is none soon."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        if time.monotonic() > deadline or world.over.wait(0.1):
            raise Unavailable("there is nothing that Prefect could forget")
    return answer
