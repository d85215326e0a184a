"""G20: a migration interrupted at any of its statements leaves the database and its running executions as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from flowbuilder.audit import audit_rows
from flowbuilder.store import current, newest, open_store, upgrade
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.migrations import migrate
from flowbuilder.testing import FakeClock
from tests.support.servers.postgres import Server
from tests.support.store_contract import StoreHarness

BEFORE = "0003"
"""The first revision that can run executions."""


class CutOff(BaseException):
    """The simulated death of the process."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with an execution that runs and one that waits, at an old revision."""
    server: Server | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with server.database() if server else contextlib.nullcontext(f"sqlite:///{tmp_path / 'live.db'}") as made:
        upgrade(made)
        clock = FakeClock()
        with contextlib.closing(open_store(made, clock=clock, durable=False)) as store:
            harness = StoreHarness(store, clock)
            harness.open_review(harness.claim("runs"))
            lease = harness.claim("waits")
            harness.open_review(lease)
            store.settle(lease, "waiting", events=[])
        with contextlib.closing(Database(made)) as database:
            migrate(database, "downgrade", BEFORE)
        yield made


def cut_off(url: str, point: int) -> bool:
    """Upgrade until the statement with this number; whether it was reached."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == point:
            raise CutOff

    with contextlib.closing(Database(url)) as database:
        event.listen(database.engine, "do_execute", count)
        try:
            migrate(database, "upgrade", "head")
        except CutOff:
            return True
        return False


def test_an_interrupted_migration_leaves_the_database_as_it_was(url: str) -> None:
    point = 1
    while cut_off(url, point):
        assert current(url) == BEFORE, f"after statement {point}"
        point += 1
    assert point > 10
    assert current(url) == newest()
    clock = FakeClock()
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as store:
        assert audit_rows(store) == ()
        clock.advance(60)
        assert {execution.id for execution in store.ready()} == {"runs"}
        assert store.pending_counts() == {"refresh": 2}
