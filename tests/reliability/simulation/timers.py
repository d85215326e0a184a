"""Checks that no step is retried before it is due, by the store's clock."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.model.events import NewEvent

RUN: contextvars.ContextVar[str] = contextvars.ContextVar("run", default="")
"""The id of the execution that a task works on."""
EARLY = timedelta(seconds=1)
RETRY_AFTER = 60.0
"""The `Retry-After` of a simulated 429, in seconds."""


class Timers:
    """The moment at which each step run is due, according to the timeline."""

    def __init__(self, installation: Any) -> None:
        self._installation = installation
        self._due: dict[tuple[str, str], tuple[datetime, float]] = {}

    def on_events(self, run: str, events: Iterable[NewEvent]) -> None:
        """Record when the step runs of these events are due."""
        for event in events:
            if event.type == "step_retrying":
                wait = float(event.data["delay_seconds"])
            elif event.type == "step_throttled" and "429" in str(event.data["reason"]):
                wait = RETRY_AFTER
            else:
                continue
            clock = self._installation.clock
            self._due[run, event.path] = (clock.now() + timedelta(seconds=wait), clock.off)

    def on_call(self) -> None:
        """Check the step run of the current task, which calls a target."""
        task = asyncio.current_task()
        assert task is not None
        clock = self._installation.clock
        due, off = self._due.pop((RUN.get(), task.get_name()), (clock.now(), clock.off))
        early = due - clock.now()
        if early > EARLY and off == clock.off:  # after the clock was set back every retry looks early
            self._installation.report_violation(
                f"{RUN.get()} {task.get_name()}: retried {early.total_seconds():.0f} s early"
            )
