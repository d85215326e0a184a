"""PostgreSQL loses its power."""

from __future__ import annotations

import random
import time
from typing import Any

from chaos.installation import World
from flowbuilder.ports import ExecutionFilter

PATIENCE_SECONDS = 10.0
"""How long it waits for executions that run."""


class CrashDatabase:
    """Stopped without warning, and started again at once."""

    name = "PostgreSQL crash restart"
    every = 25.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when executions were running."""
        assert world.database is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (running := world.store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=200)):
            if time.monotonic() > deadline or world.over.wait(0.1):
                return False, {}
        world.database.crash()
        return bool(running), {"running": len(running)}
