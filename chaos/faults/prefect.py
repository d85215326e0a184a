"""Prefect's server dies, and forgets."""

from __future__ import annotations

import random
import time
from typing import Any

from chaos.world import World
from flowbuilder.execution import ACTIVE
from flowbuilder.ports import ExecutionFilter


class KillPrefect:
    """SIGKILL, a while without a server, and a start."""

    name = "Prefect server killed"
    every = 120.0
    least = 1

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when executions were under way."""
        with world.prefect.lock:
            active = _active(world)
            world.prefect.kill()
            time.sleep(chance.uniform(0.0, 3.0))
            world.prefect.start()
        return bool(active), {"active": len(active)}


class RestorePrefect:
    """Its database is put back to how it was a while ago: it knows nothing of later runs, and believes old ones."""

    name = "Prefect restored from an older copy"
    every = 150.0
    least = 1

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when executions under way began after the copy."""
        copied = time.time()
        with world.prefect.lock:
            world.prefect.remember()
        time.sleep(min(chance.uniform(8.0, 20.0), world.options.seconds / 8))
        with world.prefect.lock:
            active = _active(world)
            world.prefect.kill()
            world.prefect.restore()
            world.prefect.start()
        lost = [item.id for item in active if item.created_at.timestamp() > copied]
        return bool(lost), {"lost": lost, "copied": copied}


def _active(world: World) -> list[Any]:
    return list(world.store.executions(ExecutionFilter(statuses=ACTIVE), limit=200))
