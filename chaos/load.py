"""Load generator: starts executions of all workflows at a steady rate, up to a limit."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from dataclasses import dataclass

from chaos.installation import Installation
from chaos.workloads import SITE
from flowbuilder.errors import Refused, Unavailable
from flowbuilder.model.execution import ACTIVE
from flowbuilder.ports import ExecutionFilter

WEIGHTS = {"targets": 4, "reviewed": 3, "deadline": 2, "items": 1, "calling": 1, "flaky": 2, "long": 2, "held": 2}
"""Relative frequency of each workflow."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: its number, time and duration in seconds. `execution_id` is None after an error: it is then unknown
    whether the execution exists."""

    n: str
    workflow: str
    at: float
    execution_id: str | None
    seconds: float = 0.0


class Load:
    """Starts executions until the faults are over."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._rng = random.Random(f"load {installation.options.seed}")
        self.starts: list[Start] = []
        self.thread = threading.Thread(target=self._run, name="load", daemon=True)

    def _run(self) -> None:
        installation, number = self._installation, 0
        while not installation.faults_over.wait(self._rng.uniform(0.5, 1.5) / installation.options.rate):
            try:
                if self._active_count() >= installation.options.most:
                    continue
            except Unavailable:
                continue
            number += 1
            self.starts.append(self._start(self._workflow(number), f"{number:05d}"))

    def _workflow(self, number: int) -> str:
        """Each workflow once, then random ones by their weights."""
        if number <= len(WEIGHTS):
            return list(WEIGHTS)[-number]
        return self._rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]

    def _active_count(self) -> int:
        limit = self._installation.options.most
        return len(self._installation.store.executions(ExecutionFilter(statuses=ACTIVE), limit=limit))

    def _start(self, workflow: str, n: str) -> Start:
        at, execution_id = time.time(), None
        with contextlib.suppress(Unavailable, Refused):
            execution_id = self._installation.app.start(workflow, {"n": n}, site=SITE)
        return Start(n=n, workflow=workflow, at=at, execution_id=execution_id, seconds=time.time() - at)
