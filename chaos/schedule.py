"""The schedule of faults, fixed by the seed: a run can be repeated as far as the machine allows."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from chaos.faults import Fault, Injection
from chaos.installation import Installation
from flowbuilder.errors import FlowbuilderError

LAST_SHARE = 0.92
"""No fault begins after this share of the run, so that executions can resume before the end."""
UNLIMITED_TRIES = 10_000
MAX_TRIES = 4
"""The number of tries of a fault without an effect, a second apart."""


@dataclass(frozen=True, kw_only=True)
class PlannedFault:
    """The moments of one fault, in seconds from the start."""

    fault: Fault
    moments: tuple[float, ...]


def schedule(faults: list[Fault], *, seconds: float, seed: int) -> list[PlannedFault]:
    """Each fault at its own frequency, at least `least` times."""
    return [PlannedFault(fault=fault, moments=_moments(fault, seconds, seed)) for fault in faults]


def _moments(fault: Fault, seconds: float, seed: int) -> tuple[float, ...]:
    rng = random.Random(f"{seed} {fault.name}")
    duration = seconds * LAST_SHARE
    every = min(fault.every, duration / (fault.least + 0.5))
    found, moment = [], every * rng.uniform(0.4, 0.8)
    while moment < duration:
        found.append(round(moment, 2))
        moment += every * rng.uniform(0.7, 1.2)
    return tuple(found)


class Injector:
    """Injects one fault by its schedule, in a thread."""

    def __init__(self, installation: Installation, planned: PlannedFault) -> None:
        self._installation, self.planned = installation, planned
        self._rng = random.Random(f"{installation.options.seed} {planned.fault.name} does")
        self.injections: list[Injection] = []
        self.thread = threading.Thread(target=self._run, name=planned.fault.name, daemon=True)

    def _run(self) -> None:
        begun = time.monotonic()
        for moment in self.planned.moments:
            if self._installation.faults_over.wait(max(0.0, begun + moment - time.monotonic())):
                return
            self._inject_until_effective(MAX_TRIES)
        if not self.had_effect:
            self._inject_until_effective(UNLIMITED_TRIES)

    @property
    def had_effect(self) -> bool:
        """Whether the fault had an effect at least once."""
        return any(injection.mattered for injection in self.injections)

    def _inject_until_effective(self, tries: int) -> None:
        for _ in range(tries):
            self.injections.append(self._inject())
            if self.injections[-1].mattered or self._installation.faults_over.wait(1.0):
                return

    def _inject(self) -> Injection:
        fault, begun = self.planned.fault, time.time()
        try:
            mattered, detail = fault.inject(self._installation, self._rng)
        except FlowbuilderError as problem:  # the database or Prefect is unreachable
            mattered, detail = False, {"away": str(problem)}
        except Exception as problem:
            mattered, detail = False, {"broken": f"{type(problem).__name__}: {problem}"}
        return Injection(fault=fault.name, begun=begun, ended=time.time(), mattered=mattered, detail=detail)
