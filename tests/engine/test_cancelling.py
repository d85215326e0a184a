"""A cancellation that arrives just before an effect: the step stops, and the execution is cancelled, not failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowbuilder.app import App
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.runner import run_execution
from flowbuilder.ports import HttpRequest, HttpResponse
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from flowbuilder.testing.fakes import respond

DOCUMENT = {
    "schema": "flowbuilder/v1",
    "name": "w",
    "title": "W",
    "steps": [
        {"id": "put", "type": "api", "method": "PUT", "url": "https://service.example/x"},
        {"id": "last", "type": "api", "method": "PUT", "url": "https://service.example/y", "depends_on": ["put"]},
    ],
    "outputs": {"last": "{{ steps.last.output.status }}"},
}


class JustBefore:
    """A store in which a person cancels just before the first effect starts."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def begin_effect(self, lease: Any, intent: Any) -> Any:
        self._store.request_control(lease.execution_id, "cancel", "ana")
        return self._store.begin_effect(lease, intent)


class Service:
    """Counts the requests sent to it."""

    def __init__(self) -> None:
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        return respond({}, url=request.url)


async def test_a_step_that_would_start_an_effect_after_a_cancellation_does_not_fail() -> None:
    clock, service = FakeClock(), Service()
    store: Any = JustBefore(MemoryStore(clock=clock))
    ports = fake_ports(clock=clock, http=service)
    app = App(store, LocalRunner(store, ports), Settings())
    execution_id = app.start("w", {}, version=app.push(DOCUMENT).number)
    result: RunResult = await run_execution(store, execution_id, holder="test", ttl=timedelta(seconds=15), ports=ports)
    assert result.status == "cancelled"
    assert store.execution(execution_id).status == "cancelled"
    assert service.sent == []
    assert store.outcomes(execution_id) == ()
    kinds = [event.type for event in store.events(execution_id)]
    assert kinds[-1] == "execution_cancelled"
    assert "step_failed" not in kinds
