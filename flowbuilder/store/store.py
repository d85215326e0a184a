"""The store in a database: all its topics together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from threading import Event

from sqlalchemy import select

from flowbuilder.store.db.database import Database
from flowbuilder.store.db.notifications import listen
from flowbuilder.store.db.tables import installation
from flowbuilder.store.records.effects import SqlEffects
from flowbuilder.store.records.executions import SqlExecutions
from flowbuilder.store.records.history import SqlHistory
from flowbuilder.store.records.idempotency_keys import SqlIdempotencyKeys
from flowbuilder.store.records.leases import SqlLeases
from flowbuilder.store.records.limiter_state import SqlLimiterState
from flowbuilder.store.records.review_queue import SqlReviewQueue
from flowbuilder.store.records.reviews import SqlReviews
from flowbuilder.store.records.sites import SqlSites
from flowbuilder.store.records.step_memos import SqlStepMemos
from flowbuilder.store.records.workflows import SqlWorkflows


class SqlStore(
    SqlWorkflows,
    SqlSites,
    SqlExecutions,
    SqlLeases,
    SqlHistory,
    SqlReviewQueue,
    SqlReviews,
    SqlEffects,
    SqlStepMemos,
    SqlIdempotencyKeys,
    SqlLimiterState,
):
    """A `Store` on SQLite or PostgreSQL. Safe to call from several threads and from several processes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._install: str | None = None

    @property
    def database(self) -> Database:
        """The database that it is in."""
        return self._database

    def now(self) -> datetime:
        """The database's time; this machine's where it has none."""
        return self._database.read(lambda transaction: transaction.now())

    def install_id(self) -> str:
        """A random id made when the database was."""
        if self._install is None:
            query = select(installation.c.install_id)
            self._install = self._database.read(lambda transaction: transaction.run(query).scalar_one())
        return self._install

    def listen(self, timeout: float, stop: Event | None = None) -> Iterator[str]:
        """Ids of executions that have become ready, as they do, for at most `timeout` seconds or until `stop` is set.
        A hint: one may be missed, and one may be named that is being run already."""
        return listen(self._database, timeout, stop or Event())

    def close(self) -> None:
        """Let go of all connections."""
        self._database.close()
