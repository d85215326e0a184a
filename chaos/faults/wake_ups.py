"""Wake-ups get lost on their way."""

from __future__ import annotations

import random
from typing import Any

from chaos.installation import World
from flowbuilder.prefect.api.wakeup_channel import FOLDER


class DropWakeUps:
    """For a while most wake-ups of the application reach nobody."""

    name = "wake-ups dropped"
    every = 20.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when there was one to drop."""
        before = world.engine.dropped
        world.engine.share = 0.8
        world.over.wait(chance.uniform(3.0, 8.0))
        world.engine.share = 0.0
        dropped = world.engine.dropped - before
        return dropped > 0, {"dropped": dropped}


class ForgetWorkers:
    """The files by which workers are found are gone: until they are started again, only sweeps find what is ready."""

    name = "workers' addresses lost"
    every = 90.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when there were some."""
        files = list((world.settings.home / FOLDER).glob("*.json"))
        for file in files:
            file.unlink(missing_ok=True)
        return bool(files), {"files": len(files)}
