"""One database: transactions that read, transactions that write, and what is done when one does not come through."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Engine, select
from sqlalchemy.exc import DBAPIError

from flowbuilder.errors import ConfigurationError, Unavailable
from flowbuilder.ports import Clock
from flowbuilder.store.db.disk_space import LEAST_FREE, DiskSpace
from flowbuilder.store.db.driver_errors import classify_driver_error
from flowbuilder.store.db.postgres import postgres_engine
from flowbuilder.store.db.sqlite import WRITES, sqlite_engine
from flowbuilder.store.db.tables import executions
from flowbuilder.store.db.transaction import Touched, Transaction
from flowbuilder.store.db.unclean_shutdown import enter, leave
from flowbuilder.store.db.url import location, shown

T = TypeVar("T")
Work = Callable[[Transaction], T]
"""A unit of work. It may be called several times, each time on a fresh transaction, until one comes through: it reads
all that it depends on inside, and changes nothing outside."""

PATIENCE = 10.0
"""For how many seconds a transaction is tried again that failed for a passing reason."""


class _InDoubt(Exception):
    """The answer to a commit was lost. Carries what the transaction would have returned."""

    def __init__(self, touched: Touched, result: object, error: DBAPIError) -> None:
        super().__init__()
        self.touched, self.result, self.error = touched, result, error


class Database:
    """Where the store's rows are. `clock` replaces the database's own clock, in tests; `durable` off is for tests.
    `least_free` is how many bytes of the disk must be free for anything to begin."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        durable: bool = True,
        patience: float = PATIENCE,
        least_free: int = LEAST_FREE,
    ) -> None:
        self.url: URL = location(url)
        self.on_postgres = self.url.get_backend_name() == "postgresql"
        self.engine: Engine = (
            postgres_engine(self.url) if self.on_postgres else sqlite_engine(self.url, durable=durable)
        )
        self.patience = patience
        self.room = DiskSpace(self.url, least_free)
        self._among = None if self.on_postgres else enter(Path(self.url.database or ""))
        self._clock = clock
        self._reader = self.engine.execution_options(**{WRITES: False})
        self._writer = self.engine.execution_options(**{WRITES: True})
        # threads of one process queue here: SQLite would have them poll for the lock, in no order
        self._turn: contextlib.AbstractContextManager[object] = (
            contextlib.nullcontext() if self.on_postgres else threading.Lock()
        )

    def read(self, work: Work[T]) -> T:
        """The result of a unit of work that only reads."""
        return self._until_it_works(lambda: self._attempt(self._reader, work))

    def write(self, work: Work[T]) -> T:
        """The result of a unit of work, which is durable when this returns. `Unavailable` when the database is away.

        When the answer to a commit is lost, the row that the transaction touched tells whether it was made; a unit of
        work that touches no execution must be one that may be done twice.
        """

        def attempt() -> T:
            with self._turn:
                return self._attempt(self._writer, work)

        return self._until_it_works(attempt)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
        leave(self._among)
        self._among = None

    def _attempt(self, engine: Engine, work: Work[T]) -> T:
        with engine.connect() as connection:
            transaction = Transaction(connection, on_postgres=self.on_postgres, clock=self._clock)
            with connection.begin() as begun:
                result = work(transaction)
                try:
                    begun.commit()
                except DBAPIError as error:
                    with contextlib.suppress(DBAPIError):
                        begun.rollback()
                    if transaction.touched is None:
                        raise
                    raise _InDoubt(transaction.touched, result, error) from None
            return result

    def _until_it_works(self, attempt: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + self.patience, 0.005
        while True:
            try:
                return attempt()
            except _InDoubt as doubt:
                error = doubt.error
                if self._was_made(doubt.touched, deadline):
                    return doubt.result  # type: ignore[return-value]
            except DBAPIError as problem:
                error = problem
            trouble = classify_driver_error(error)
            if trouble == "ours":
                raise error
            if trouble == "foreign":
                raise ConfigurationError(f"{shown(self.url)} is no SQLite database") from None
            if trouble == "full":
                raise Unavailable(f"{shown(self.url)} takes no more: {_said(error)}") from None
            if time.monotonic() >= deadline:
                raise Unavailable(f"{shown(self.url)} cannot be reached: {_said(error)}") from None
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, 0.5)

    def _was_made(self, touched: Touched, deadline: float) -> bool:
        """Whether a transaction whose commit was not answered was made all the same."""
        row = select(executions.c.revision, executions.c.written_by).where(
            executions.c.flow_run_id == touched.execution_id
        )
        while True:
            try:
                found = self._attempt(self._reader, lambda transaction: transaction.run(row).one_or_none())
                break
            except DBAPIError as error:
                if time.monotonic() >= deadline:
                    raise Unavailable(f"{shown(self.url)} cannot be reached: {_said(error)}") from None
                time.sleep(0.05)
        if found is None or found.revision < touched.revision:
            return False
        if found.written_by == touched.token:
            return True
        raise Unavailable(
            f"the connection was lost while execution {touched.execution_id} was written, and another has written "
            "since: nobody knows whether it was done; look before you repeat it"
        )


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:200]
