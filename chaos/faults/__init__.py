"""The faults, in one file for each target, and what they have in common."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Protocol

from chaos.faults.servers import CrashDatabase, FreezePrefect, KillPrefect, RestorePrefect
from chaos.faults.user_actions import CancelExecution, PauseExecution, ResumeWithoutDecision
from chaos.faults.wake_ups import DropWakeUps, ForgetWorkers
from chaos.faults.workers import DrainWorker, KillWorker, StopWorker, StopWorkerShortly
from chaos.installation import Installation
from chaos.options import Options


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One injection of a fault, with begin and end in seconds since the epoch.

    `mattered`: it had an effect, such as killing a process that held executions. Only such injections satisfy the rule
    that every fault must have fired. `detail` has what the checks need.
    """

    fault: str
    begun: float
    ended: float
    mattered: bool
    detail: dict[str, Any] = field(default_factory=dict)


class Fault(Protocol):
    """A fault that is injected repeatedly."""

    name: str
    every: float
    """Mean seconds between two injections."""
    least: int
    """Minimum number of injections in a short run."""

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Inject the fault and wait for its end; returns whether it had an effect, and the details."""
        ...


def faults(options: Options) -> list[Fault]:
    """The faults of a run with these options."""
    found: list[Fault] = [
        KillWorker(),
        StopWorker(),
        StopWorkerShortly(),
        DrainWorker(),
        KillPrefect(),
        FreezePrefect(),
        RestorePrefect(),
        DropWakeUps(),
        ForgetWorkers(),
        ResumeWithoutDecision(),
        CancelExecution(),
        PauseExecution(),
    ]
    return [CrashDatabase(), *found] if options.database == "postgresql" else found
