"""PostgreSQL loses its power."""

from __future__ import annotations

import random
from typing import Any

from chaos.world import World
from flowbuilder.ports import ExecutionFilter


class CrashDatabase:
    """Stopped without warning, and started again at once."""

    name = "PostgreSQL crash restart"
    every = 25.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when executions were running."""
        assert world.database is not None
        running = world.store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=200)
        world.database.crash()
        return bool(running), {"running": len(running)}
