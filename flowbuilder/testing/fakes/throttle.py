"""Limits of connections, kept in memory."""

from __future__ import annotations

from flowbuilder.adapters.throttling.connection_throttle import ConnectionThrottle
from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.ports import Clock, Connections
from flowbuilder.testing.fakes.clock import FakeClock
from flowbuilder.testing.fakes.connections import FakeConnections
from flowbuilder.testing.memory_store.limiter_state import MemoryLimiterState
from flowbuilder.testing.memory_store.memory import Memory


class FakeThrottle(ConnectionThrottle):
    """The real rules on a book in memory, with the limits that `connections` declare. Nothing in it is by chance."""

    def __init__(self, *, clock: Clock | None = None, connections: Connections | None = None) -> None:
        time = clock or FakeClock()
        declared = LimitRegistry(connections or FakeConnections())
        super().__init__(MemoryLimiterState(Memory(time)), declared, time, jitter=lambda: 0.5)
