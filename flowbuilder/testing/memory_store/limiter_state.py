"""The traffic of connections, in memory."""

from __future__ import annotations

from typing import TypeVar

from flowbuilder.ports.throttle import Rule
from flowbuilder.testing.memory_store.memory import Repository
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")


class MemoryLimiterState(Repository):
    """Traffic by the name of its connection."""

    def limiter_state(self, name: str) -> LimiterState:
        """That of one connection, as it stands."""
        with self._memory.lock:
            return self._memory.traffic.get(name, LimiterState())

    def update_limiter(self, name: str, rule: Rule[T]) -> T:
        """Change that of one connection by a rule, at the store's time."""
        with self._memory.lock:
            changed, said = rule(self.limiter_state(name), self._memory.now())
            self._memory.traffic[name] = changed
            return said
