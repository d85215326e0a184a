"""Ids of executions as they become ready, found by polling."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

from flowbuilder.testing.memory_store.memory import Repository

POLL_SECONDS = 0.01


class MemoryNotifications(Repository):
    """Like a database's notifications, a hint: an id may be missed."""

    def listen(self, timeout: float, stop: Event | None = None) -> Iterator[str]:
        """Ids of executions as they become ready, for at most `timeout` seconds or until `stop`."""
        stop, deadline = stop or Event(), time.monotonic() + timeout
        reported: set[tuple[str, object]] = set()
        while not stop.is_set():
            ready = self._ready_now()
            yield from sorted(execution_id for execution_id, _ in ready - reported)
            reported = ready
            left = deadline - time.monotonic()
            if left <= 0:
                return
            stop.wait(min(POLL_SECONDS, left))

    def _ready_now(self) -> set[tuple[str, object]]:
        memory = self._memory
        with memory.lock:
            now, executions = memory.now(), [stored.execution for stored in memory.executions.values()]
        return {
            (execution.id, execution.ready_at)
            for execution in executions
            if execution.holder is None
            and execution.status != "paused"
            and execution.ready_at is not None
            and execution.ready_at <= now
        }
