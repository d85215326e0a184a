"""Stores that processes open, lose and open again."""

import contextlib
import pickle
from collections.abc import Callable, Iterator

import psycopg
import pytest

from flowbuilder.ports import Store
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock, MemoryStore

Openers = Callable[[FakeClock], Callable[[], Store]]


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    found: str = request.param
    return found


@pytest.fixture
def openers(kind: str, request: pytest.FixtureRequest) -> Openers:
    """Given a clock, returns the function with which each process opens the store; a memory store is shared by all."""
    if kind == "memory":

        def remember(clock: FakeClock) -> Callable[[], Store]:
            store = MemoryStore(clock=clock)
            return lambda: store

        return remember
    url = request.getfixturevalue(f"{kind}_url")
    return lambda clock: reopened(url, clock)


def reopened(url: str, clock: FakeClock) -> Callable[[], Store]:
    """Returns a function that opens a store with new connections and empty caches. Only compiled statements are kept:
    compiling them takes longer than a process runs."""
    first = open_store(url, clock=clock, durable=False)

    def open_again() -> Store:
        first.close()
        return SqlStore(first.database)

    return open_again


@contextlib.contextmanager
def watched(store: Store) -> Iterator[Callable[[], object]]:
    """Yields a function whose result changes whenever anything in the store has changed."""
    if isinstance(store, MemoryStore):
        memory = store._memory
        yield lambda: pickle.dumps([value for name, value in vars(memory).items() if name not in ("lock", "_now")])
        return
    assert isinstance(store, SqlStore)
    url = store.database.url
    if store.database.on_postgres:
        # the id of the next transaction that writes
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            yield lambda: connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()
        return
    # SQLite counts the commits of other connections
    with contextlib.closing(library()[0].connect(str(url.database))) as connection:
        yield lambda: connection.execute("PRAGMA data_version").fetchone()
