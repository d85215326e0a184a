"""When which fault comes: by the seed, so that a run can be repeated as far as the machine allows."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from chaos.fault import Fault, Injection
from chaos.installation import World
from flowbuilder.errors import FlowbuilderError

LAST_SHARE = 0.92
"""No fault begins after this share of the run: what it hits is to go on before the faults are over."""
ALWAYS = 10_000
TRIES = 4
"""How often a fault that hit nothing is tried again, a second later each time."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The moments of one fault, in seconds from the beginning."""

    fault: Fault
    moments: tuple[float, ...]


def schedule(faults: list[Fault], *, seconds: float, seed: int) -> list[Planned]:
    """Each fault at its own pace, but at least `least` times, however short the run is."""
    return [Planned(fault=fault, moments=_moments(fault, seconds, seed)) for fault in faults]


def _moments(fault: Fault, seconds: float, seed: int) -> tuple[float, ...]:
    chance = random.Random(f"{seed} {fault.name}")
    room = seconds * LAST_SHARE
    every = min(fault.every, room / (fault.least + 0.5))
    found, moment = [], every * chance.uniform(0.4, 0.8)
    while moment < room:
        found.append(round(moment, 2))
        moment += every * chance.uniform(0.7, 1.2)
    return tuple(found)


class Injector:
    """Carries one fault's schedule out, in a thread."""

    def __init__(self, world: World, planned: Planned) -> None:
        self._world, self.planned = world, planned
        self._chance = random.Random(f"{world.options.seed} {planned.fault.name} does")
        self.injections: list[Injection] = []
        self.thread = threading.Thread(target=self._run, name=planned.fault.name, daemon=True)

    def _run(self) -> None:
        begun = time.monotonic()
        for moment in self.planned.moments:
            if self._world.over.wait(max(0.0, begun + moment - time.monotonic())):
                return
            self._inject_until_it_hits(TRIES)
        if not self.has_hit:
            self._inject_until_it_hits(ALWAYS)

    @property
    def has_hit(self) -> bool:
        """Whether it hit something at least once."""
        return any(injection.mattered for injection in self.injections)

    def _inject_until_it_hits(self, tries: int) -> None:
        for _ in range(tries):
            self.injections.append(self._inject())
            if self.injections[-1].mattered or self._world.over.wait(1.0):
                return

    def _inject(self) -> Injection:
        fault, begun = self.planned.fault, time.time()
        try:
            mattered, detail = fault.inject(self._world, self._chance)
        except FlowbuilderError as problem:  # the database or Prefect is away just now
            mattered, detail = False, {"away": str(problem)}
        except Exception as problem:
            mattered, detail = False, {"broken": f"{type(problem).__name__}: {problem}"}
        return Injection(fault=fault.name, begun=begun, ended=time.time(), mattered=mattered, detail=detail)
