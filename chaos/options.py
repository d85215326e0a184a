"""Options of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowbuilder.settings import Settings

LONGEST_SECONDS = 20.0
"""Duration of the longest execution without faults."""
DatabaseKind = Literal["postgresql", "sqlite"]
SHORT_SECONDS = 180.0
"""Runs of fewer seconds use shorter leases and reconciler intervals than the defaults, so that some leases expire."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`seconds` of faults with a `seed`; `lease` and `sweep` (the interval of the reconciler) in seconds; `rate` starts
    a second, at most `most` concurrent executions; all data in `folder`."""

    seconds: float
    seed: int
    folder: Path
    database: DatabaseKind = "postgresql"
    rate: float = 2.0
    most: int = 40
    lease: float = 15.0
    sweep: float = 5.0
    intensity: float = 1.0
    """Factor on the frequency of each fault."""

    @property
    def settle_seconds(self) -> float:
        """Seconds within which executions must end after the faults: ten passes of the reconciler, two leases and the
        longest execution."""
        return 10 * self.sweep + 2 * self.lease + LONGEST_SECONDS


def default_intervals(seconds: float) -> tuple[float, float]:
    """The lease and the interval of the reconciler, in seconds: the defaults, except in a short run."""
    shipped = Settings.model_fields
    if seconds < SHORT_SECONDS:
        return 3.0, 1.0
    return float(shipped["lease_seconds"].default), float(shipped["sweep_seconds"].default)
