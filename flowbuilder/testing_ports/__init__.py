"""Fakes of the outside world: one a file. They obey the same contract tests as the adapters."""

from flowbuilder.testing_ports.clock import FakeClock
from flowbuilder.testing_ports.cms import MemoryCms
from flowbuilder.testing_ports.connections import FakeConnections
from flowbuilder.testing_ports.http import FakeHttp, respond
from flowbuilder.testing_ports.journal import MemoryJournal
from flowbuilder.testing_ports.ledger import MemoryLedger
from flowbuilder.testing_ports.mcp import FakeMcp
from flowbuilder.testing_ports.model import FakeModel
from flowbuilder.testing_ports.outside import fake_ports
from flowbuilder.testing_ports.search_console import FakeSearchConsole
from flowbuilder.testing_ports.throttle import FakeThrottle

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
