"""The store on SQLite or PostgreSQL: all repositories together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from threading import Event

from sqlalchemy import select

from flowbuilder.store.db.database import Database
from flowbuilder.store.db.notifications import listen
from flowbuilder.store.db.tables import installation_table
from flowbuilder.store.records.effects import SqlEffects
from flowbuilder.store.records.executions import SqlExecutions
from flowbuilder.store.records.held_decisions import SqlHeldDecisions
from flowbuilder.store.records.history import SqlHistory
from flowbuilder.store.records.idempotency_keys import SqlIdempotencyKeys
from flowbuilder.store.records.leases import SqlLeases
from flowbuilder.store.records.limiter_state import SqlLimiterState
from flowbuilder.store.records.review_drafts import SqlReviewDrafts
from flowbuilder.store.records.review_queue import SqlReviewQueue
from flowbuilder.store.records.reviews import SqlReviews
from flowbuilder.store.records.sensitive_inputs import SqlSensitiveInputs
from flowbuilder.store.records.workflows import SqlWorkflows


class SqlStore(
    SqlWorkflows,
    SqlExecutions,
    SqlSensitiveInputs,
    SqlLeases,
    SqlHistory,
    SqlReviewQueue,
    SqlReviews,
    SqlHeldDecisions,
    SqlReviewDrafts,
    SqlEffects,
    SqlIdempotencyKeys,
    SqlLimiterState,
):
    """A `Store` on SQLite or PostgreSQL. Safe to call from several threads and from several processes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._install_id: str | None = None

    @property
    def database(self) -> Database:
        """The database of the store."""
        return self._database

    def now(self) -> datetime:
        """The server's time; with SQLite, this machine's."""
        return self._database.read(lambda transaction: transaction.now())

    def install_id(self) -> str:
        """A random id made with the database."""
        if self._install_id is None:
            query = select(installation_table.c.install_id)
            self._install_id = self._database.read(lambda transaction: transaction.execute(query).scalar_one())
        return self._install_id

    def listen(self, timeout: float, stop: Event | None = None) -> Iterator[str]:
        """Ids of executions as they become ready, for at most `timeout` seconds or until `stop`. `Unavailable`."""
        return listen(self._database, timeout, stop or Event())

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
