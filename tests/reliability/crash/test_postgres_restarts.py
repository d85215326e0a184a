"""PostgreSQL crashes and restarts: the store waits, and no write is lost or repeated."""

from __future__ import annotations

import threading
import time

import pytest

from flowbuilder.audit import audit_rows
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.store import open_store
from flowbuilder.testing import FakeClock
from tests.support.servers.postgres import Server
from tests.support.store_contract import StoreHarness

CRASHES = 3


@pytest.mark.postgres
def test_a_restart_of_postgresql_only_delays_writes(postgres: Server, postgres_url: str) -> None:
    if postgres.data is None:
        pytest.skip("this server was not started here, so it is not crashed here")
    clock = FakeClock()
    store = open_store(postgres_url, clock=clock, durable=False, retry_seconds=60)
    lease = StoreHarness(store, clock).claim()
    over, failures, recorded = threading.Event(), [], []

    def work() -> None:
        while not over.is_set():
            path = f"s{len(recorded)}"
            try:
                store.record_outcome(
                    lease, Outcome(path=path, status="completed"), [NewEvent(type="step_completed", path=path)]
                )
            except Exception as problem:
                failures.append(problem)
                return
            recorded.append(path)

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(CRASHES):
        time.sleep(0.3)
        postgres.crash()
        before = len(recorded)
        deadline = time.monotonic() + 30
        while len(recorded) < before + 5 and time.monotonic() < deadline and worker.is_alive():
            time.sleep(0.01)
    over.set()
    worker.join(60)
    assert failures == []
    assert len(recorded) > CRASHES * 5
    assert [outcome.path for outcome in store.outcomes("run-1")] == recorded
    assert [str(finding) for finding in audit_rows(store)] == []
    store.close()
