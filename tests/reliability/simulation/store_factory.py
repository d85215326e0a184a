"""The stores of simulations: emptied instead of created anew, so that plans are compiled once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from flowbuilder.app import App
from flowbuilder.errors import FlowbuilderError, Unavailable
from flowbuilder.model.execution import Lease
from flowbuilder.settings import Settings
from flowbuilder.store import SqlStore, open_store, upgrade
from flowbuilder.testing import MemoryStore
from flowbuilder.testing.fakes.bundle import FakeClock
from flowbuilder.testing.memory_store.memory import Memory
from tests.reliability.simulation.processes import PROCESS
from tests.reliability.simulation.workflows import SITE, WORKFLOWS
from tests.support.faults.crash_injection import Crash


class ObservedStore:
    """A proxy of the store: records every call, and raises `Unavailable` while the database is away."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.installation: Any = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            process, installation = PROCESS.get(), self.installation
            if process is None:
                return found(*given, **named)
            if process.dead:
                raise Crash(name)
            about = given[0] if given else ""
            about = about.execution_id if isinstance(about, Lease) else about if str(about).startswith("run-") else ""
            if installation.loop.seconds < installation.away_until:
                installation.record_fault("the database is away", f"{name} {about}")
                raise Unavailable("the database is away")
            try:
                result = found(*given, **named)
            except FlowbuilderError as problem:
                installation.record(name, f"{about} {type(problem).__name__}")
                raise
            installation.record(name, about)
            if name == "append_events":
                installation.timers.on_events(about, given[1])
            return result

        return call


class StoreFactory:
    """One store of each kind, with the workflows in it and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._memory = MemoryStore(clock=FakeClock())
        _prepare(self._memory)
        self._observed_memory = ObservedStore(self._memory)
        self._sql: ObservedStore | None = None
        self._clock: Any = None

    def now(self) -> Any:
        return self._clock.now()

    def memory(self, clock: Any) -> ObservedStore:
        """An empty store in memory."""
        known = self._memory._memory
        fresh = Memory(clock)
        fresh.versions, fresh.sites, fresh.install_id = known.versions, known.sites, known.install_id
        self._memory._memory = fresh
        return self._observed_memory

    def sqlite(self, clock: Any) -> ObservedStore:
        """An empty store in SQLite."""
        template, file = self._folder / "template.db", self._folder / "simulated.db"
        self._clock = FakeClock()
        if self._sql is None:
            upgrade(f"sqlite:///{template}")
            store = open_store(f"sqlite:///{template}", clock=self, durable=False)  # type: ignore[arg-type]
            _prepare(store)
            store.close()
            shutil.copyfile(template, file)
            self._sql = ObservedStore(open_store(f"sqlite:///{file}", clock=self, durable=False))  # type: ignore[arg-type]
        store = self._sql.inner
        assert isinstance(store, SqlStore)
        store.close()
        for old in self._folder.glob("simulated.db*"):
            old.unlink()
        shutil.copyfile(template, file)
        self._clock = clock
        return self._sql


def _prepare(store: Any) -> None:
    app = App(store, None, Settings())  # type: ignore[arg-type]
    store.save_site(SITE["site"], SITE)
    for document in WORKFLOWS:
        app.publish(app.push(document).workflow)
