"""`fake_ports`: the bundle of ports for tests, and the fakes of its small ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.adapters.throttling.connection_throttle import ConnectionThrottle
from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import (
    Clock,
    Connections,
    Databases,
    EmbeddingModel,
    LanguageModel,
    Ledger,
    Ports,
    Sandbox,
    SearchQuery,
    Throttle,
)
from flowbuilder.testing.fakes.cms import MemoryCms
from flowbuilder.testing.fakes.databases import FakeDatabases
from flowbuilder.testing.fakes.http import FakeHttp
from flowbuilder.testing.fakes.mcp import FakeMcp
from flowbuilder.testing.fakes.model import FakeEmbeddings, FakeModel
from flowbuilder.testing.memory_store.limiter_state import MemoryLimiterState
from flowbuilder.testing.memory_store.memory import Memory
from flowbuilder.values import JsonObject

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves only by `sleep` and `advance`. It starts on Monday, 5 January 2026."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Advance the clock and return at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._now += timedelta(seconds=max(0.0, seconds))


class FakeConnections:
    """Connections from a mapping."""

    def __init__(self, known: Mapping[str, JsonObject] | None = None) -> None:
        self._known = dict(known or {})

    async def get(self, name: str) -> JsonObject:
        """The connection; `ConfigurationError` when there is none of that name."""
        if name not in self._known:
            raise ConfigurationError(f"there is no connection {name!r}")
        return dict(self._known[name])


class FakeSearchConsole:
    """Returns the given rows and `final_until` for every query, up to its row limit. `queries` records them."""

    def __init__(self, rows: Iterable[JsonObject] = (), *, final_until: str | None = None) -> None:
        self._rows = list(rows)
        self._final_until = final_until
        self.queries: list[SearchQuery] = []

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """The rows."""
        self.queries.append(query)
        return {"rows": self._rows[: query.row_limit], "final_until": self._final_until}

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """A page that is indexed."""
        return {"indexStatusResult": {"verdict": "PASS", "coverageState": "Submitted and indexed"}}


class FakeThrottle(ConnectionThrottle):
    """The real throttle on state in memory, with the limits that `connections` declare and a fixed jitter."""

    def __init__(self, *, clock: Clock | None = None, connections: Connections | None = None) -> None:
        time = clock or FakeClock()
        registry = LimitRegistry(connections or FakeConnections())
        super().__init__(MemoryLimiterState(Memory(time)), registry, time, jitter=lambda: 0.5)


def fake_ports(
    *,
    http: FakeHttp | None = None,
    models: LanguageModel | None = None,
    cms: MemoryCms | None = None,
    connections: FakeConnections | None = None,
    clock: FakeClock | None = None,
    search_console: FakeSearchConsole | None = None,
    sandbox: Sandbox | None = None,
    ledger: Ledger | None = None,
    mcp: FakeMcp | None = None,
    databases: Databases | None = None,
    embeddings: EmbeddingModel | None = None,
    throttle: Throttle | None = None,
) -> Ports:
    """Ports made of fakes, with the real sandbox and page extractor: these have no I/O."""
    time, known = clock or FakeClock(), connections or FakeConnections()
    return Ports(
        http=http or FakeHttp(),
        models=models or FakeModel(),
        sandbox=sandbox or _sandbox(),
        connections=known,
        cms=cms or MemoryCms(),
        clock=time,
        extract=extract_page,
        search_console=search_console or FakeSearchConsole(),
        mcp=mcp or FakeMcp(),
        databases=databases or FakeDatabases(),
        embeddings=embeddings or FakeEmbeddings(),
        ledger=ledger,
        throttle=throttle or FakeThrottle(clock=time, connections=known),
    )


@cache
def _sandbox() -> Sandbox:
    from flowbuilder.adapters.sandbox import MontySandbox

    return MontySandbox()
