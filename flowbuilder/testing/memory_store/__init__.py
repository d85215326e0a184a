"""The store in memory: a public fake that obeys the same contract tests as the databases."""

from __future__ import annotations

from datetime import datetime

from flowbuilder.ports import Clock
from flowbuilder.testing.memory_store.effects import MemoryEffects
from flowbuilder.testing.memory_store.executions import MemoryExecutions
from flowbuilder.testing.memory_store.idempotency_keys import MemoryIdempotencyKeys
from flowbuilder.testing.memory_store.limiter_state import MemoryLimiterState
from flowbuilder.testing.memory_store.memory import Memory
from flowbuilder.testing.memory_store.notifications import MemoryNotifications
from flowbuilder.testing.memory_store.reviews import MemoryReviews
from flowbuilder.testing.memory_store.step_memos import MemoryStepMemos
from flowbuilder.testing.memory_store.workflows import MemoryWorkflows

__all__ = ["MemoryStore"]


class MemoryStore(
    MemoryWorkflows,
    MemoryExecutions,
    MemoryNotifications,
    MemoryReviews,
    MemoryEffects,
    MemoryStepMemos,
    MemoryIdempotencyKeys,
    MemoryLimiterState,
):
    """A `Store` that forgets everything with the process. Safe to call from several threads."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(Memory(clock))

    def now(self) -> datetime:
        """The time by its clock."""
        return self._memory.now()

    def install_id(self) -> str:
        """A random id made when this store was."""
        return self._memory.install
