"""The in-memory store, a public fake. It passes the same contract tests as the databases."""

from __future__ import annotations

from datetime import datetime

from flowbuilder.ports import Clock
from flowbuilder.testing.memory_store.drafts import MemoryDrafts
from flowbuilder.testing.memory_store.effects import MemoryEffects
from flowbuilder.testing.memory_store.executions import MemoryExecutions
from flowbuilder.testing.memory_store.history import MemoryHistory
from flowbuilder.testing.memory_store.limiter_state import MemoryLimiterState
from flowbuilder.testing.memory_store.memory import Memory
from flowbuilder.testing.memory_store.notifications import MemoryNotifications
from flowbuilder.testing.memory_store.reviews import MemoryReviews
from flowbuilder.testing.memory_store.workflows import MemoryWorkflows

__all__ = ["MemoryStore"]


class MemoryStore(
    MemoryWorkflows,
    MemoryExecutions,
    MemoryHistory,
    MemoryNotifications,
    MemoryReviews,
    MemoryDrafts,
    MemoryEffects,
    MemoryLimiterState,
):
    """A `Store` without persistence. Safe to call from several threads."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(Memory(clock))

    def now(self) -> datetime:
        """The time of its clock."""
        return self._memory.now()

    def install_id(self) -> str:
        """A random id made with this store."""
        return self._memory.install_id
