"""Stores that a process opens, loses and opens again."""

import contextlib
import pickle
from collections.abc import Callable, Iterator

import psycopg
import pytest

from flowbuilder.ports import Store
from flowbuilder.store import SqlStore, open_store
from flowbuilder.store.db.sqlite import library
from flowbuilder.testing import FakeClock, MemoryStore

Openers = Callable[[FakeClock], Callable[[], Store]]


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which store."""
    found: str = request.param
    return found


@pytest.fixture
def openers(kind: str, request: pytest.FixtureRequest) -> Openers:
    """Given a clock, how each life of a process opens the store. The one in memory survives with the test."""
    if kind == "memory":

        def remember(clock: FakeClock) -> Callable[[], Store]:
            store = MemoryStore(clock=clock)
            return lambda: store

        return remember
    url = request.getfixturevalue(f"{kind}_url")
    return lambda clock: reopened(url, clock)


def reopened(url: str, clock: FakeClock) -> Callable[[], Store]:
    """Each call gives a store with new connections and nothing remembered. Only compiled statements are kept: compiling
    them in each of a thousand lives would take longer than the lives."""
    first = open_store(url, clock=clock, durable=False)

    def open_again() -> Store:
        first.close()
        return SqlStore(first.database)

    return open_again


@contextlib.contextmanager
def watched(store: Store) -> Iterator[Callable[[], object]]:
    """What gives another answer whenever anything in the store has changed since it was last asked."""
    if isinstance(store, MemoryStore):
        memory = store._memory
        yield lambda: pickle.dumps([value for name, value in vars(memory).items() if name not in ("lock", "_now")])
        return
    assert isinstance(store, SqlStore)
    url = store.database.url
    if store.database.on_postgres:
        # the number that the next transaction gets which writes
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            yield lambda: connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()
        return
    # of SQLite's it is a counter of what other connections have committed
    with contextlib.closing(library()[0].connect(str(url.database))) as connection:
        yield lambda: connection.execute("PRAGMA data_version").fetchone()
