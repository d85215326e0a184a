"""Fakes of the ports. They pass the same contract tests as the adapters."""

from flowbuilder.testing.fakes.bundle import FakeClock, FakeConnections, FakeSearchConsole, FakeThrottle, fake_ports
from flowbuilder.testing.fakes.cms import MemoryCms
from flowbuilder.testing.fakes.databases import FakeDatabases
from flowbuilder.testing.fakes.engine import MemoryJournal, MemoryLedger
from flowbuilder.testing.fakes.http import FakeHttp, respond
from flowbuilder.testing.fakes.mcp import FakeMcp
from flowbuilder.testing.fakes.model import FakeEmbeddings, FakeModel

__all__ = [
    "FakeClock",
    "FakeConnections",
    "FakeDatabases",
    "FakeEmbeddings",
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
