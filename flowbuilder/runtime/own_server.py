"""Prefect's server for one machine, on SQLite: `python -m flowbuilder.runtime.own_server --host H --port P`.

As it comes, its transactions begin as readers, and fail when another one has written before they do. Each such failure
leaves a cursor behind; when Python clears it away in the main thread while its connection waits for the lock, the
whole server stands still, for a minute. Here transactions begin as writers and queue up instead. On PostgreSQL none of
this happens: there `prefect server start` is right.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any


def queue_up_writers() -> None:
    """Have every transaction of the server's take the lock when it begins."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    @asynccontextmanager
    async def begin_as_writer(self: Any, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign, assignment]


def main(arguments: Sequence[str]) -> None:
    """Run the server until it is stopped."""
    from prefect.cli import app

    queue_up_writers()
    sys.argv = ["prefect", "server", "start", *arguments]
    app()


if __name__ == "__main__":
    main(sys.argv[1:])
