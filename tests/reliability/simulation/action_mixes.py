"""What goes wrong in a simulation, drawn by its seed: each kind of fault is there or not, weak or strong (swarm)."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

SITES = (
    "a worker is killed", "a worker is stopped past its lease", "a worker is told to leave", "a sweeper is killed",
    "the database is away", "the clock is set", "a worker's clock is wrong",
    "a request is lost", "an answer is lost", "an answer is slow", "the other side says 429",
    "a wake-up is lost", "a run is delivered again", "Prefect's word is late", "Prefect's word is lost",
    "Prefect is restored", "Resume without a decision", "cancelled in Prefect",
    "a decision is made twice", "a stale tab decides", "a decision races an expiry", "a review expires",
    "someone cancels", "someone pauses",
)  # fmt: skip
"""All kinds of fault. Over the seeds of a run each must have happened, or the run proves nothing."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How often (mean seconds between two; 0 never) or how likely (0 to 1) each fault is."""

    kill: float
    stop: float
    leave: float
    kill_sweeper: float
    away: float
    set_clock: float
    skew: float
    lose_request: float
    lose_answer: float
    slow: float
    storm: float
    lose_wake: float
    deliver_again: float
    late_word: float
    lose_word: float
    restore_prefect: float
    press_resume: float
    press_cancel: float
    twice: float
    stale: float
    at_expiry: float
    cancel: float
    pause: float

    @classmethod
    def drawn(cls, dice: random.Random) -> Mix:
        def every(least: float, most: float, chance: float = 0.5) -> float:
            return round(dice.uniform(least, most), 1) if dice.random() < chance else 0.0

        return cls(
            kill=every(60, 600, 0.6),
            stop=every(60, 600, 0.6),
            leave=every(200, 900),
            kill_sweeper=every(200, 900),
            away=every(100, 900),
            set_clock=every(300, 1500, 0.4),
            skew=every(10, 300),
            lose_request=every(0.05, 0.3),
            lose_answer=every(0.05, 0.3),
            slow=every(0.05, 0.3),
            storm=every(300, 900),
            lose_wake=dice.choice([0.0, 0.5, 1.0]),
            deliver_again=every(60, 300),
            late_word=every(0.2, 0.8),
            lose_word=every(0.1, 0.5),
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
    def none(cls) -> Mix:
        """Nothing goes wrong."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def __str__(self) -> str:
        """The options that are on."""
        return ", ".join(f"{name}={value:g}" for name, value in vars(self).items() if value)
