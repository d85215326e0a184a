"""What a run is asked to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowbuilder.settings import Settings

LONGEST_SECONDS = 20.0
"""How long the longest execution takes when nothing goes wrong."""
DatabaseKind = Literal["postgresql", "sqlite"]
SHORT_SECONDS = 180.0
"""A run shorter than this has shorter leases and sweeps than the shipped ones, or it would see none run out."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`seconds` of faults, by a `seed`; leases and sweeps in seconds; `rate` starts a second, with at most `most`
    executions under way; all data in `folder`."""

    seconds: float
    seed: int
    folder: Path
    database: DatabaseKind = "postgresql"
    rate: float = 2.0
    most: int = 40
    lease: float = 15.0
    sweep: float = 5.0
    intensity: float = 1.0
    """How much more often than usual each fault comes."""

    @property
    def settle_seconds(self) -> float:
        """How long after the faults everything may take to end: ten sweeps, two leases, and what the longest takes."""
        return 10 * self.sweep + 2 * self.lease + LONGEST_SECONDS


def pace(seconds: float) -> tuple[float, float]:
    """Lease and sweep of a run: the shipped ones, but for a short run."""
    shipped = Settings.model_fields
    if seconds < SHORT_SECONDS:
        return 3.0, 1.0
    return float(shipped["lease_seconds"].default), float(shipped["sweep_seconds"].default)
