"""Whether a step that was told to wait is tried again before its time, by the store's clock."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.model.events import NewEvent

RUN: contextvars.ContextVar[str] = contextvars.ContextVar("run", default="")
"""The execution that a task works on."""
EARLY = timedelta(seconds=1)
RETRY_AFTER = 60.0
"""What the targets of a simulation say with a 429, in seconds."""


class Timers:
    """When each step run is due, as the timeline says it."""

    def __init__(self, installation: Any) -> None:
        self._installation = installation
        self._due: dict[tuple[str, str], tuple[datetime, float]] = {}

    def noted(self, run: str, events: Iterable[NewEvent]) -> None:
        """A worker has written events."""
        for event in events:
            if event.type == "step_retrying":
                wait = float(event.data["delay_seconds"])
            elif event.type == "step_throttled" and "429" in str(event.data["reason"]):
                wait = RETRY_AFTER
            else:
                continue
            clock = self._installation.clock
            self._due[run, event.path] = (clock.now() + timedelta(seconds=wait), clock.off)

    def begins(self) -> None:
        """A step run, which is the current task, calls the world outside."""
        task = asyncio.current_task()
        assert task is not None
        clock = self._installation.clock
        due, off = self._due.pop((RUN.get(), task.get_name()), (clock.now(), clock.off))
        early = due - clock.now()
        if early > EARLY and off == clock.off:  # whoever sets the clock back makes everything early
            self._installation.finds(f"{RUN.get()} {task.get_name()}: tried again {early.total_seconds():.0f} s early")
