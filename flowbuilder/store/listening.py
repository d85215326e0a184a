"""Who is ready to go on, heard of at once: notifications on PostgreSQL, the file's change counter on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import select

from flowbuilder.errors import Unavailable
from flowbuilder.store.database import Database
from flowbuilder.store.location import shown
from flowbuilder.store.postgres import listen as listen_postgres
from flowbuilder.store.tables import executions
from flowbuilder.store.transaction import Transaction

LOOK_SECONDS = 0.05


def listen(database: Database, timeout: float) -> Iterator[str]:
    """The ids of executions that have become ready, for at most `timeout` seconds; `Unavailable` without a database."""
    return _notified(database, timeout) if database.on_postgres else _looked_at(database, timeout)


def _notified(database: Database, timeout: float) -> Iterator[str]:
    import psycopg

    try:
        yield from listen_postgres(database.url, timeout)
    except psycopg.Error as error:
        raise Unavailable(f"{shown(database.url)} cannot be reached: {error}") from None


def _looked_at(database: Database, timeout: float) -> Iterator[str]:
    deadline = time.monotonic() + timeout
    told: set[str] = set()
    counter = None
    connection = database.engine.raw_connection()  # outside of any transaction: inside one the counter stands still
    try:
        while True:
            (seen,) = connection.cursor().execute("PRAGMA data_version").fetchone()
            if seen != counter:
                counter = seen
                ready = set(database.read(_ready))
                yield from sorted(ready - told)
                told = ready
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(LOOK_SECONDS, left))
    finally:
        connection.close()


def _ready(transaction: Transaction) -> list[str]:
    due = (executions.c.ready_at <= transaction.now(), executions.c.holder.is_(None), executions.c.status != "paused")
    return list(transaction.run(select(executions.c.flow_run_id).where(*due).limit(1000)).scalars())
