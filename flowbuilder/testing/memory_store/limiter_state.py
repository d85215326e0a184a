"""Limiter state of connections, in memory."""

from __future__ import annotations

from typing import TypeVar

from flowbuilder.ports.throttle import Transition
from flowbuilder.testing.memory_store.memory import Repository
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")


class MemoryLimiterState(Repository):
    """Limiter state by connection name."""

    def limiter_state(self, name: str) -> LimiterState:
        """The current state of one connection."""
        with self._memory.lock:
            return self._memory.limiter_states.get(name, LimiterState())

    def update_limiter(self, name: str, transition: Transition[T]) -> T:
        """Change the state of one connection at the store's time; returns the result."""
        with self._memory.lock:
            changed, result = transition(self.limiter_state(name), self._memory.now())
            self._memory.limiter_states[name] = changed
            return result
