"""Prefect's server on SQLite, without its trap: applied where this package is installed beside the server.

As it comes, its transactions begin as readers, and fail when another one has written before they do. Each such failure
leaves a cursor behind; when Python clears it away in the main thread while its connection waits for the lock, the
whole server stands still, for a minute. Here transactions begin as writers and queue up instead. On PostgreSQL none of
this happens, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


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

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign]
