"""The load: executions of all workflows, started one after the other at a steady rate while there is room."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass

from chaos.installation import World
from chaos.workloads import SITE
from flowbuilder.errors import Refused, Unavailable
from flowbuilder.model.execution import ACTIVE
from flowbuilder.ports import ExecutionFilter

WEIGHTS = {"targets": 4, "reviewed": 3, "deadline": 2, "items": 1, "calling": 1, "flaky": 2, "long": 2, "held": 2}
"""How often each workflow is started, beside the others."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: its number, when it was asked for, and the execution's id; None where the answer was an error, and
    nobody knows whether there is one; and how many seconds the answer took."""

    n: str
    workflow: str
    at: float
    execution_id: str | None
    seconds: float = 0.0


class Load:
    """Starts executions until the faults are over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = random.Random(f"load {world.options.seed}")
        self.starts: list[Start] = []
        self.thread = threading.Thread(target=self._run, name="load", daemon=True)

    def _run(self) -> None:
        world, number = self._world, 0
        while not world.over.wait(self._chance.uniform(0.5, 1.5) / world.options.rate):
            try:
                if self._under_way() >= world.options.most:
                    continue
            except Unavailable:
                continue
            number += 1
            self.starts.append(self._start(self._workflow(number), f"{number:05d}"))

    def _workflow(self, number: int) -> str:
        """Each of them once, then by chance."""
        if number <= len(WEIGHTS):
            return list(WEIGHTS)[-number]
        return self._chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]

    def _under_way(self) -> int:
        limit = self._world.options.most
        return len(self._world.store.executions(ExecutionFilter(statuses=ACTIVE), limit=limit))

    def _start(self, workflow: str, n: str) -> Start:
        at, execution_id = time.time(), None
        with contextlib.suppress(Unavailable, Refused):
            execution_id = self._world.app.start(workflow, {"n": n}, site=SITE)
        return Start(n=n, workflow=workflow, at=at, execution_id=execution_id, seconds=time.time() - at)
