"""Prefect in a simulation: state reports arrive late, out of order or never, and runs are delivered at random.

Its states decide nothing; a cancellation in its UI is picked up by the reconcilers.
"""

from __future__ import annotations

from typing import Any


class SimulatedPrefect:
    """The states that Prefect stores, and the runs that it delivers to workers."""

    def __init__(self, simulation: Any) -> None:
        self._installation = simulation
        self.states: dict[str, str] = {}
        self._backup: dict[str, str] = {}
        self.cancelled: set[str] = set()

    def report(self, run: str, status: str) -> None:
        """Report the state of a run: it may arrive late or get lost."""
        installation = self._installation
        if installation.rng.random() < installation.rates.lose_report:
            installation.record_fault("a state report is lost", run)
            return
        delay = 0.1
        if installation.rng.random() < installation.rates.late_report:
            installation.record_fault("a state report is late", run)
            delay = installation.rng.uniform(1, 120)
        installation.loop.call_later(delay, self.states.__setitem__, run, status)

    def wake(self, run: str) -> None:
        """Deliver a run to a random worker: a hint, which may be lost."""
        installation = self._installation
        if installation.rng.random() < installation.rates.lose_wake:
            installation.record_fault("a wake-up is lost", run)
            return
        installation.loop.call_later(installation.rng.uniform(0.05, 2), self.deliver, run)

    def deliver(self, run: str) -> None:
        """Deliver a run to a random worker, whether or not it is due."""
        worker = self._installation.random_worker()
        if worker is not None:
            self._installation.offer(worker, run)

    def deliver_again(self) -> None:
        """Deliver a run that has been delivered before, to two workers at once."""
        if self.states:
            run = self._installation.rng.choice(sorted(self.states))
            self._installation.record_fault("a run is delivered again", run)
            self.deliver(run)
            self.deliver(run)

    def back_up(self) -> None:
        self._backup = dict(self.states)

    def restore(self) -> None:
        """Restore its database from the older copy, and deliver the runs in it again."""
        self._installation.record_fault("Prefect is restored", "")
        self.states = dict(self._backup)
        for run in sorted(self.states):
            self.deliver(run)
