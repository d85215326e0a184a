"""A patch for Prefect's server on SQLite, applied when this package is installed beside the server.

Without it, transactions begin as readers, and fail when another one writes before they do. Each failure leaves a
cursor behind; when Python collects it in the main thread while its connection waits for the lock, the whole server
blocks until that wait ends, after a minute. With the patch, transactions take the write lock when they begin, and wait
for it for seconds only. A server on PostgreSQL does not have the problem and is not changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

BUSY_TIMEOUT_SECONDS = 10
"""Seconds that a transaction waits for the lock before the request is answered 503 and retried; Prefect has 60."""


def serialize_writers() -> None:
    """Make every transaction of the server take the write lock when it begins. A second call changes nothing."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction
    if begin.__name__ == "begin_as_writer":
        return

    @asynccontextmanager
    async def begin_as_writer(self: Any, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    original_setup = AioSqliteConfiguration.setup_sqlite

    def set_busy_timeout(self: Any, conn: Any, record: Any) -> None:
        original_setup(self, conn, record)
        cursor = conn.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.close()

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign]
    AioSqliteConfiguration.setup_sqlite = set_busy_timeout  # type: ignore[method-assign]
