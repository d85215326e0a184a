"""Prefect's server on SQLite, without its trap: applied where this package is installed beside the server.

As it comes, its transactions begin as readers, and fail when another one has written before they do. Each such failure
leaves a cursor behind; when Python clears it away in the main thread while its connection waits for the lock, the
whole server stands still until that waiting ends, after a minute. Here transactions begin as writers and queue up, and
nobody waits for the lock for longer than seconds. On PostgreSQL none of this happens, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

WAIT_SECONDS = 10
"""How long a transaction waits for the lock; who asked for it is told 503 then, and asks again. Prefect has 60."""


def queue_up_writers() -> None:
    """Have every transaction of the server's take the lock when it begins. Doing it again changes nothing."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction
    if begin.__name__ == "begin_as_writer":
        return

    @asynccontextmanager
    async def begin_as_writer(self: Any, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    set_up = AioSqliteConfiguration.setup_sqlite

    def wait_shortly(self: Any, conn: Any, record: Any) -> None:
        set_up(self, conn, record)
        cursor = conn.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
        cursor.close()

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign]
    AioSqliteConfiguration.setup_sqlite = wait_shortly  # type: ignore[method-assign]
