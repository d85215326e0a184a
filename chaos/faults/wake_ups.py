"""Faults of wake-ups."""

from __future__ import annotations

import random
from typing import Any

from chaos.installation import Installation
from flowbuilder.prefect.api.wakeup_channel import FOLDER


class DropWakeUps:
    """Drop most wake-ups for a while."""

    name = "wake-ups dropped"
    every = 20.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when a wake-up was dropped."""
        before = installation.engine.dropped
        installation.engine.share = 0.8
        installation.faults_over.wait(rng.uniform(3.0, 8.0))
        installation.engine.share = 0.0
        dropped = installation.engine.dropped - before
        return dropped > 0, {"dropped": dropped}


class ForgetWorkers:
    """Delete the files with the workers' addresses: until a restart, only the reconciler and the workers' polls find
    ready executions."""

    name = "workers' addresses lost"
    every = 90.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when there were such files."""
        files = list((installation.settings.home / FOLDER).glob("*.json"))
        for file in files:
            file.unlink(missing_ok=True)
        return bool(files), {"files": len(files)}
