"""A fault: a name, how often it comes, what it does, and the proof that it did."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Protocol

from chaos.installation import World


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One fault that was injected, between two moments (seconds since the epoch).

    `mattered` says that it hit something: a process that held executions, a wake-up that somebody waited for. Only
    those count for the rule that every fault must have fired. `detail` is what the checks need to know of it.
    """

    fault: str
    begun: float
    ended: float
    mattered: bool
    detail: dict[str, Any] = field(default_factory=dict)


class Fault(Protocol):
    """Something that goes wrong again and again."""

    name: str
    every: float
    """Seconds between two of its kind, in the mean."""
    least: int
    """How often it comes in a run that is too short for that."""

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Do it, and return when it is over: whether it mattered, and what is to be remembered of it."""
        ...
