"""The outside world of a test, put together."""

from __future__ import annotations

from functools import cache

from flowbuilder.adapters.http.extract import extract_page
from flowbuilder.ports import LanguageModel, Ledger, Ports, Sandbox, Throttle
from flowbuilder.testing.fakes.clock import FakeClock
from flowbuilder.testing.fakes.cms import MemoryCms
from flowbuilder.testing.fakes.connections import FakeConnections
from flowbuilder.testing.fakes.http import FakeHttp
from flowbuilder.testing.fakes.mcp import FakeMcp
from flowbuilder.testing.fakes.model import FakeModel
from flowbuilder.testing.fakes.search_console import FakeSearchConsole
from flowbuilder.testing.fakes.throttle import FakeThrottle


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
    throttle: Throttle | None = None,
) -> Ports:
    """Ports made of fakes. The sandbox and the page extractor are the real ones: they touch nothing outside."""
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
        ledger=ledger,
        throttle=throttle or FakeThrottle(clock=time, connections=known),
    )


@cache
def _sandbox() -> Sandbox:
    from flowbuilder.adapters.sandbox import MontySandbox

    return MontySandbox()
