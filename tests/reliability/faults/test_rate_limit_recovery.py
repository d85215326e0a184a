"""G17: ten minutes of 429s fail no execution, and the rate recovers without a burst of calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flowbuilder.adapters.ports import SystemClock, real_ports
from flowbuilder.adapters.throttling.connection_throttle import SHORT_WAIT, ConnectionThrottle
from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.app import App
from flowbuilder.audit import audit
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.ports import Clock, Store
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from flowbuilder.testing import FakeConnections, MemoryStore
from flowbuilder.values import JsonObject
from tests.support.faults.rate_limit_simulation import JumpingClock, Provider, SimulatedWorker
from tests.support.proof import THOROUGH, sample

pytestmark = pytest.mark.timeout(600 if THOROUGH else 180)
EXECUTIONS = sample(quick=80, ci=200, thorough=200)
RATE = 10.0
DOCUMENT: JsonObject = {
    "schema": "flowbuilder/v1",
    "name": "rate-limited",
    "title": "Ask the shop",
    "steps": [{"id": "ask", "type": "api", "url": "/item", "connection": "shop"}],
    "outputs": {"answer": "{{ steps.ask.output.body }}"},
}


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def store(clock: JumpingClock, request: pytest.FixtureRequest) -> Iterator[Store]:
    if not THOROUGH:
        yield MemoryStore(clock=clock)
        return
    with contextlib.closing(open_store(request.getfixturevalue("sqlite_url"), clock=clock, durable=False)) as opened:
        yield opened


async def run_through_rejections(
    store: Store, clock: Clock, folder: Path, provider: Provider, limits: JsonObject, *, seconds: float
) -> tuple[SimulatedWorker, list[str]]:
    """Run the executions through the rejections; returns the simulated worker and their ids."""
    async with provider.serving() as port:
        settings = Settings(home=folder, sites=folder, egress_allow=f"127.0.0.1:{port}")
        connections = FakeConnections({"shop": {"base_url": f"http://127.0.0.1:{port}", **limits}})
        throttle = ConnectionThrottle(store, LimitRegistry(connections), clock)
        ports = replace(real_ports(settings, connections, throttle), clock=clock)
        app = App(store, LocalRunner(store, ports), Settings())
        version = app.push(DOCUMENT).number
        ids = [app.start("rate-limited", {}, version=version) for _ in range(EXECUTIONS)]
        provider.opens = clock.now() + timedelta(seconds=seconds)
        worker = SimulatedWorker(store, ports, clock)
        half = timedelta(seconds=seconds / 2)
        await worker.work(ids, seconds=half.total_seconds())
        rows = [store.execution(execution_id) for execution_id in ids]
        # in the middle, all executions wait and none has a holder
        assert {(row.status, row.holder, row.ready_at is not None) for row in rows} == {("waiting", None, True)}
        await worker.work(ids, seconds=seconds + 300)
    return worker, ids


def ensure_recovered(store: Store, provider: Provider, worker: SimulatedWorker, ids: list[str]) -> None:
    rows = [store.execution(execution_id) for execution_id in ids]
    assert {row.status for row in rows} == {"completed"}
    during = [moment for moment in provider.refused if moment < provider.opens]
    after = [moment for moment in provider.refused if moment >= provider.opens]
    assert len(during) > 1, "the provider rejected no calls"
    last = max(provider.answered)
    assert last - provider.opens <= timedelta(seconds=60), "all resume within a minute"
    allowed = RATE * (last - provider.opens).total_seconds() + RATE
    assert len(provider.answered) + len(after) <= 1.1 * allowed
    assert len(provider.answered) + len(after) <= 1.1 * EXECUTIONS, "few calls are rejected"
    assert worker.longest <= SHORT_WAIT + 2, "a worker slot is held for no longer than a short wait"
    if provider.retry_after is not None:
        wave = during[0] + timedelta(seconds=1)  # calls in flight at the first rejection
        asked = [moment for moment in (*provider.refused, *provider.answered) if moment > wave]
        for refused in during:
            closed = [
                moment for moment in asked if refused < moment < refused + timedelta(seconds=provider.retry_after)
            ]
            assert closed == [], "no call is made before Retry-After"


DECLARED: JsonObject = {"limits": {"concurrency": 8, "rate": "10/second"}}


async def test_ten_minutes_of_rejections_fail_no_execution(store: Store, clock: JumpingClock, tmp_path: Path) -> None:
    provider = Provider(clock, RATE, 60)
    worker, ids = await run_through_rejections(store, clock, tmp_path, provider, DECLARED, seconds=600)
    ensure_recovered(store, provider, worker, ids)
    assert len([moment for moment in provider.refused if moment < provider.opens]) <= 8 + 600 / 60
    assert audit(store) == ()


async def test_the_rate_of_a_provider_without_retry_after_is_found(
    store: Store, clock: JumpingClock, tmp_path: Path
) -> None:
    provider = Provider(clock, RATE, None)
    worker, ids = await run_through_rejections(store, clock, tmp_path, provider, {}, seconds=600 if THOROUGH else 60)
    ensure_recovered(store, provider, worker, ids)
    assert audit(store) == ()


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not THOROUGH, reason="ten minutes of a real clock")
async def test_ten_minutes_of_rejections_by_the_real_clock(sqlite_url: str, tmp_path: Path) -> None:
    clock = SystemClock()
    with contextlib.closing(open_store(sqlite_url)) as store:
        provider = Provider(clock, RATE, 20)
        worker, ids = await run_through_rejections(store, clock, tmp_path, provider, DECLARED, seconds=600)
        ensure_recovered(store, provider, worker, ids)
