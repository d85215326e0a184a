"""Limits of connections, kept in memory."""

from __future__ import annotations

from flowbuilder.adapters.declared import DeclaredLimits
from flowbuilder.adapters.throttle import DoorKeeper
from flowbuilder.ports import Clock, Connections
from flowbuilder.testing_ports.clock import FakeClock
from flowbuilder.testing_ports.connections import FakeConnections
from flowbuilder.testing_store.memory import Memory
from flowbuilder.testing_store.traffic import MemoryTraffic


class FakeThrottle(DoorKeeper):
    """The real rules on a book in memory, with the limits that `connections` declare. Nothing in it is by chance."""

    def __init__(self, *, clock: Clock | None = None, connections: Connections | None = None) -> None:
        time = clock or FakeClock()
        declared = DeclaredLimits(connections or FakeConnections())
        super().__init__(MemoryTraffic(Memory(time)), declared, time, chance=lambda: 0.5)
