"""Who is ready to go on, heard of at once: notifications on PostgreSQL, the file's change counter on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from flowbuilder.errors import Unavailable
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.postgres import listen as listen_postgres
from flowbuilder.store.db.tables import executions
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import shown

LOOK_SECONDS = 0.05


def listen(database: Database, timeout: float, stop: Event) -> Iterator[str]:
    """The ids of executions that have become ready, for at most `timeout` seconds or until `stop` is set;
    `Unavailable` without a database."""
    return _notified(database, timeout, stop) if database.on_postgres else _looked_at(database, timeout, stop)


def _notified(database: Database, timeout: float, stop: Event) -> Iterator[str]:
    import psycopg

    try:
        yield from listen_postgres(database.url, timeout, stop)
    except psycopg.Error as error:
        raise Unavailable(f"{shown(database.url)} cannot be reached: {' '.join(str(error).split())[:200]}") from None


def _looked_at(database: Database, timeout: float, stop: Event) -> Iterator[str]:
    deadline = time.monotonic() + timeout
    told: set[tuple[str, object]] = set()
    counter = None
    try:
        connection = database.engine.raw_connection()  # outside of any transaction: inside one the counter stands still
    except (DBAPIError, database.engine.dialect.loaded_dbapi.Error) as error:
        raise Unavailable(f"{shown(database.url)} cannot be reached: {error}") from None
    try:
        while not stop.is_set():
            seen = _counter(database, connection)
            if seen != counter:
                counter = seen
                ready = set(database.read(_ready))
                yield from sorted(execution_id for execution_id, _ in ready - told)
                told = ready
            left = deadline - time.monotonic()
            if left <= 0:
                return
            stop.wait(min(LOOK_SECONDS, left))
    finally:
        connection.close()


def _counter(database: Database, connection: PoolProxiedConnection) -> int:
    """A number that grows with every commit of others. The driver's own errors depend on the library."""
    try:
        (seen,) = connection.cursor().execute("PRAGMA data_version").fetchone()
    except database.engine.dialect.loaded_dbapi.Error as error:
        raise Unavailable(f"{shown(database.url)} cannot be reached: {error}") from None
    return int(seen)


def _ready(transaction: Transaction) -> list[tuple[str, object]]:
    """Ids, each with the moment since when: who was ready before and is again is told again."""
    due = (executions.c.ready_at <= transaction.now(), executions.c.holder.is_(None), executions.c.status != "paused")
    query = select(executions.c.flow_run_id, executions.c.ready_at).where(*due).limit(1000)
    return [(execution_id, since) for execution_id, since in transaction.run(query)]
