"""Ids of executions as they become ready: notifications on PostgreSQL, the file's change counter on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from flowbuilder.errors import Unavailable
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.tables import executions_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url

POLL_SECONDS = 0.05


def listen(database: Database, timeout: float, stop: Event) -> Iterator[str]:
    """The ids of executions that become ready, for at most `timeout` seconds or until `stop` is set. `Unavailable`."""
    if not database.on_postgres:
        return _poll(database, timeout, stop)
    from flowbuilder.store.db import postgres  # slow to import, so only where it is used

    return postgres.listen(database.url, timeout, stop)


def _poll(database: Database, timeout: float, stop: Event) -> Iterator[str]:
    deadline = time.monotonic() + timeout
    reported: set[tuple[str, object]] = set()
    counter = None
    try:
        # outside of any transaction: within one the counter does not change
        connection = database.engine.raw_connection()
    except (DBAPIError, database.engine.dialect.loaded_dbapi.Error) as error:
        raise Unavailable(f"{display_url(database.url)} cannot be reached: {error}") from None
    try:
        while not stop.is_set():
            latest = _change_counter(database, connection)
            if latest != counter:
                counter = latest
                ready = set(database.read(_ready))
                yield from sorted(execution_id for execution_id, _ in ready - reported)
                reported = ready
            left = deadline - time.monotonic()
            if left <= 0:
                return
            stop.wait(min(POLL_SECONDS, left))
    finally:
        connection.close()


def _change_counter(database: Database, connection: PoolProxiedConnection) -> int:
    """A number that grows with every commit of other connections."""
    try:
        (counter,) = connection.cursor().execute("PRAGMA data_version").fetchone()
    except database.engine.dialect.loaded_dbapi.Error as error:  # the class depends on the driver
        raise Unavailable(f"{display_url(database.url)} cannot be reached: {error}") from None
    return int(counter)


def _ready(transaction: Transaction) -> list[tuple[str, object]]:
    """Ids, each with the moment since when: an execution that becomes ready again is reported again."""
    execution = executions_table.c
    due = (execution.ready_at <= transaction.now(), execution.holder.is_(None), execution.status != "paused")
    query = select(execution.flow_run_id, execution.ready_at).where(*due).limit(1000)
    return [(execution_id, since) for execution_id, since in transaction.execute(query)]
