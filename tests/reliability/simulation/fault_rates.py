"""The fault rates of a simulation, drawn by its seed: each kind of fault is off, rare or frequent (swarm testing)."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

FAULTS = (
    "a worker is killed", "a worker is stopped past its lease", "a worker is terminated", "a reconciler is killed",
    "the database is away", "the clock is set", "a worker's clock is wrong",
    "a request is lost", "an answer is lost", "an answer is slow", "a target answers 429",
    "a wake-up is lost", "a run is delivered again", "a state report is late", "a state report is lost",
    "Prefect is restored", "Resume without a decision", "cancelled in Prefect",
    "a decision is made twice", "a stale tab decides", "a decision races an expiry", "a review expires",
    "a reviewer cancels", "a reviewer pauses",
)  # fmt: skip
"""All kinds of fault. Each must occur in at least one seed of a run, or the run proves nothing."""


@dataclass(frozen=True, kw_only=True)
class FaultRates:
    """The mean interval (seconds; 0: never) or the probability (0 to 1) of each fault."""

    kill: float
    stop: float
    leave: float
    kill_reconciler: float
    database_away: float
    set_clock: float
    skew: float
    lose_request: float
    lose_answer: float
    slow: float
    rate_limit: float
    lose_wake: float
    deliver_again: float
    late_report: float
    lose_report: float
    restore_prefect: float
    press_resume: float
    press_cancel: float
    twice: float
    stale: float
    at_expiry: float
    cancel: float
    pause: float

    @classmethod
    def draw(cls, rng: random.Random) -> FaultRates:
        def every(least: float, most: float, chance: float = 0.5) -> float:
            return round(rng.uniform(least, most), 1) if rng.random() < chance else 0.0

        return cls(
            kill=every(60, 600, 0.6),
            stop=every(60, 600, 0.6),
            leave=every(200, 900),
            kill_reconciler=every(200, 900),
            database_away=every(100, 900),
            set_clock=every(300, 1500, 0.4),
            skew=every(10, 300),
            lose_request=every(0.05, 0.3),
            lose_answer=every(0.05, 0.3),
            slow=every(0.05, 0.3),
            rate_limit=every(300, 900),
            lose_wake=rng.choice([0.0, 0.5, 1.0]),
            deliver_again=every(60, 300),
            late_report=every(0.2, 0.8),
            lose_report=every(0.1, 0.5),
            restore_prefect=every(400, 1200, 0.4),
            press_resume=every(200, 900),
            press_cancel=every(900, 2400, 0.3),
            twice=every(0.2, 0.8),
            stale=every(0.1, 0.5),
            at_expiry=every(0.2, 0.9),
            cancel=every(900, 2400, 0.3),
            pause=every(300, 1200),
        )

    @classmethod
    def none(cls) -> FaultRates:
        """Rates at which no fault occurs."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def __str__(self) -> str:
        """The rates that are not 0."""
        return ", ".join(f"{name}={value:g}" for name, value in vars(self).items() if value)
