"""Public test support: fakes of the ports, and `run_locally`, which runs a definition against them.

    finished = run_locally(document, {"url": "https://example.com/a"}, decide={"review": "approve"})
    assert finished.status == "completed"

The fakes pass the same contract tests as the real implementations.
"""

from flowbuilder.testing.fakes import (
    FakeClock,
    FakeConnections,
    FakeDatabases,
    FakeEmbeddings,
    FakeHttp,
    FakeMcp,
    FakeModel,
    FakeSearchConsole,
    FakeThrottle,
    MemoryCms,
    MemoryJournal,
    MemoryLedger,
    fake_ports,
    respond,
)
from flowbuilder.testing.memory_store import MemoryStore
from flowbuilder.testing.model_servers import ModelServer
from flowbuilder.testing.run import Answer, Finished, run_locally

__all__ = [
    "Answer",
    "FakeClock",
    "FakeConnections",
    "FakeDatabases",
    "FakeEmbeddings",
    "FakeHttp",
    "FakeMcp",
    "FakeModel",
    "FakeSearchConsole",
    "FakeThrottle",
    "Finished",
    "MemoryCms",
    "MemoryJournal",
    "MemoryLedger",
    "MemoryStore",
    "ModelServer",
    "fake_ports",
    "respond",
    "run_locally",
]
