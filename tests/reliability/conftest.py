"""Stores that a process opens, loses and opens again."""

from collections.abc import Callable

import pytest

from flowbuilder.ports import Store
from flowbuilder.store import SqlStore, open_store
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
