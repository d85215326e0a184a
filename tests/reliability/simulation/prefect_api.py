"""Prefect in a simulation: words about runs come late, in another order or never, and it calls for runs at will.

Nothing that it believes decides anything; a cancellation that somebody presses there is taken over by the sweepers.
"""

from __future__ import annotations

from typing import Any


class PrefectSays:
    """What Prefect believes, and whom it wakes."""

    def __init__(self, simulation: Any) -> None:
        self._installation = simulation
        self.believes: dict[str, str] = {}
        self._backup: dict[str, str] = {}
        self.cancelled: set[str] = set()

    def tell(self, run: str, status: str) -> None:
        """A worker says how a run stands."""
        installation = self._installation
        if installation.dice.random() < installation.mix.lose_word:
            installation.happens("Prefect's word is lost", run)
            return
        delay = 0.1
        if installation.dice.random() < installation.mix.late_word:
            installation.happens("Prefect's word is late", run)
            delay = installation.dice.uniform(1, 120)
        installation.loop.call_later(delay, self.believes.__setitem__, run, status)

    def wake(self, run: str) -> None:
        """Have some worker take a run up: a hint, which may be lost."""
        installation = self._installation
        if installation.dice.random() < installation.mix.lose_wake:
            installation.happens("a wake-up is lost", run)
            return
        installation.loop.call_later(installation.dice.uniform(0.05, 2), self.deliver, run)

    def deliver(self, run: str) -> None:
        """A run comes to a worker, whether or not it should."""
        worker = self._installation.some_worker()
        if worker is not None:
            self._installation.offer(worker, run)

    def deliver_again(self) -> None:
        """A run that has been given out is given out once more, to two workers at once."""
        if self.believes:
            run = self._installation.dice.choice(sorted(self.believes))
            self._installation.happens("a run is delivered again", run)
            self.deliver(run)
            self.deliver(run)

    def back_up(self) -> None:
        self._backup = dict(self.believes)

    def restore(self) -> None:
        """Its database is restored from an older copy: it believes what it believed then, and calls for those runs."""
        self._installation.happens("Prefect is restored", "")
        self.believes = dict(self._backup)
        for run in sorted(self.believes):
            self.deliver(run)
