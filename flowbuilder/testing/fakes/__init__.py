"""Fakes of the outside world: one a file. They obey the same contract tests as the adapters."""

from flowbuilder.testing.fakes.clock import FakeClock
from flowbuilder.testing.fakes.cms import MemoryCms
from flowbuilder.testing.fakes.connections import FakeConnections
from flowbuilder.testing.fakes.http import FakeHttp, respond
from flowbuilder.testing.fakes.journal import MemoryJournal
from flowbuilder.testing.fakes.ledger import MemoryLedger
from flowbuilder.testing.fakes.mcp import FakeMcp
from flowbuilder.testing.fakes.model import FakeModel
from flowbuilder.testing.fakes.outside import fake_ports
from flowbuilder.testing.fakes.search_console import FakeSearchConsole
from flowbuilder.testing.fakes.throttle import FakeThrottle

__all__ = [
    "FakeClock",
    "FakeConnections",
    "FakeHttp",
    "FakeMcp",
    "FakeModel",
    "FakeSearchConsole",
    "FakeThrottle",
    "MemoryCms",
    "MemoryJournal",
    "MemoryLedger",
    "fake_ports",
    "respond",
]
