"""Every test here runs on the in-memory store, on SQLite and on PostgreSQL."""

import contextlib
from collections.abc import Iterator

import pytest

from flowbuilder.audit import audit_rows
from flowbuilder.ports import Store
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock, MemoryStore
from tests.support.store_contract import StoreHarness


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Store]:
    """A fresh store whose time is `clock`."""
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    url = request.getfixturevalue(f"{request.param}_url")
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def sql_store(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[SqlStore]:
    """A fresh store in a database, for tests of what only databases guarantee."""
    url = request.getfixturevalue(f"{request.param}_url")
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _sound(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, the audit has no findings in its store."""
    names = {"store", "sql_store"} & set(request.fixturenames)
    stores = [request.getfixturevalue(name) for name in sorted(names)]
    yield
    for store in stores:
        assert [str(finding) for finding in audit_rows(store)] == []


@pytest.fixture
def harness(store: Store, clock: FakeClock) -> StoreHarness:
    return StoreHarness(store, clock)


@pytest.fixture
def sql_harness(sql_store: SqlStore, clock: FakeClock) -> StoreHarness:
    return StoreHarness(sql_store, clock)
