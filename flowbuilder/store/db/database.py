"""The database: read and write transactions, retries of transient errors, and commits whose answer was lost."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import URL, Engine, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from flowbuilder.errors import ConfigurationError, Refused, Unavailable
from flowbuilder.ports import Clock
from flowbuilder.store.db.disk_space import LEAST_FREE, DiskSpace
from flowbuilder.store.db.sqlite import SQLITE, WRITES, sqlite_engine
from flowbuilder.store.db.tables import executions_table
from flowbuilder.store.db.transaction import CommitMark, Dialect, Transaction
from flowbuilder.store.db.unclean_shutdown import close_file, open_file
from flowbuilder.store.db.url import display_url, parse_url

T = TypeVar("T")
Work = Callable[[Transaction], T]
"""A unit of work. It may be called several times, each time on a fresh transaction, until one is committed: it reads
all that it depends on inside, and changes nothing outside."""

RETRY_SECONDS = 10.0
"""For how long a transaction that failed with a transient error is retried."""


class _CommitInDoubt(Exception):
    """The answer to a commit was lost. Carries what the transaction would have returned."""

    def __init__(self, mark: CommitMark, result: object, error: DBAPIError) -> None:
        super().__init__()
        self.mark, self.result, self.error = mark, result, error


class Database:
    """The store's database. `clock` replaces its clock, and `durable=False` accepts one that may lose commits: both are
    for tests. `least_free`: bytes of disk that must be free before new work begins. `retry_seconds`: how long transient
    errors are retried."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        durable: bool = True,
        retry_seconds: float = RETRY_SECONDS,
        least_free: int = LEAST_FREE,
    ) -> None:
        self.url: URL = parse_url(url)
        self.on_postgres = self.url.get_backend_name() == "postgresql"
        self.engine, self._dialect = _connect(self.url, durable=durable)
        self.retry_seconds = retry_seconds
        self.disk_space = DiskSpace(self.url, least_free)
        self._open_file = None if self.on_postgres else open_file(Path(self.url.database or ""))
        self._clock = clock
        self._reader = self.engine.execution_options(**{WRITES: False})
        self._writer = self.engine.execution_options(**{WRITES: True})
        # threads of one process queue here: SQLite would have them poll for the lock, in no order
        self._write_lock: contextlib.AbstractContextManager[object] = (
            contextlib.nullcontext() if self.on_postgres else threading.Lock()
        )

    def read(self, work: Work[T]) -> T:
        """The result of a unit of work that only reads. `Unavailable`."""
        return self._retry(self._reader, work)

    def write(self, work: Work[T]) -> T:
        """The result of a unit of work, which is durable when this returns. `Unavailable`.

        When the answer to a commit was lost, the execution's row tells whether it was made. Work that locks no
        execution must be idempotent.
        """
        return self._retry(self._writer, work)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        close_file(self._open_file)
        self._open_file = None

    def _attempt(self, engine: Engine, work: Work[T]) -> T:
        lock = self._write_lock if engine is self._writer else contextlib.nullcontext()
        with lock, engine.connect() as connection:
            transaction = Transaction(connection, dialect=self._dialect, clock=self._clock)
            with connection.begin() as begun:
                result = work(transaction)
                try:
                    begun.commit()
                except DBAPIError as error:
                    with contextlib.suppress(DBAPIError):
                        begun.rollback()
                    if transaction.commit_mark is None:
                        raise
                    raise _CommitInDoubt(transaction.commit_mark, result, error) from None
            return result

    def _retry(self, engine: Engine, work: Work[T]) -> T:
        deadline, pause = time.monotonic() + self.retry_seconds, 0.005
        while True:
            try:
                return self._attempt(engine, work)
            except _CommitInDoubt as doubt:
                error = doubt.error
                if self._was_committed(doubt.mark, deadline):
                    return doubt.result  # type: ignore[return-value]
            except UnicodeEncodeError:
                raise Refused("a text has half of a surrogate pair, which no database can hold or look for") from None
            except DBAPIError as problem:
                error = problem
                if "NUL (0x00)" in str(problem.orig):
                    raise Refused("a text has the character NUL, which PostgreSQL cannot hold or look for") from None
            kind = _kind_of(error)
            if kind == "bug":
                raise error
            if kind == "no database":
                raise ConfigurationError(f"{display_url(self.url)} is not a SQLite database") from None
            if kind == "disk full":
                raise Unavailable(f"{display_url(self.url)} cannot be written: {_reason(error)}") from None
            if time.monotonic() >= deadline:
                raise self._unreachable(error) from None
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, 0.5)

    def _was_committed(self, mark: CommitMark, deadline: float) -> bool:
        """Whether the transaction that left this mark was committed."""
        row = select(executions_table.c.revision, executions_table.c.written_by).where(
            executions_table.c.flow_run_id == mark.execution_id
        )
        while True:
            try:
                found = self._attempt(self._reader, lambda transaction: transaction.execute(row).one_or_none())
                break
            except DBAPIError as error:
                if time.monotonic() >= deadline:
                    raise self._unreachable(error) from None
                time.sleep(0.05)
        if found is None or found.revision < mark.revision:
            return False
        if found.written_by == mark.token:
            return True
        raise Unavailable(
            f"the connection was lost while execution {mark.execution_id} was written, and it has been written again "
            "since: it is unknown whether the first write was made; check before you repeat it"
        )

    def _unreachable(self, error: DBAPIError) -> Unavailable:
        return Unavailable(f"{display_url(self.url)} cannot be reached: {_reason(error)}")


class Repository:
    """Base class of the store's repositories: each method is one transaction on the shared database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def _connect(url: URL, *, durable: bool) -> tuple[Engine, Dialect]:
    if url.get_backend_name() != "postgresql":
        return sqlite_engine(url, durable=durable), SQLITE
    from flowbuilder.store.db.postgres import POSTGRES, postgres_engine  # slow to import, so only where it is used

    return postgres_engine(url), POSTGRES


_Kind = Literal["retry", "unreachable", "disk full", "no database", "bug"]
_RETRY_STATES = ("40001", "40P01", "55P03")  # serialization failure, deadlock, lock timeout
_UNREACHABLE_STATES = ("08", "57P", "53300")
_FULL_STATES = ("53100", "53200", "58030")


def _kind_of(error: DBAPIError) -> _Kind:
    """The kind of a driver's error: by SQLSTATE on PostgreSQL, by the message on SQLite."""
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        if state in _RETRY_STATES:
            return "retry"
        if state in _FULL_STATES:
            return "disk full"
        return "unreachable" if state.startswith(_UNREACHABLE_STATES) or error.connection_invalidated else "bug"
    message = str(error.orig).lower()
    if "locked" in message or "busy" in message:
        return "retry"
    if "disk is full" in message or "disk i/o error" in message or "readonly" in message:
        return "disk full"
    if "not a database" in message:
        return "no database"
    if error.connection_invalidated or "unable to open database" in message:
        return "unreachable"
    lost = isinstance(error, OperationalError | InterfaceError) and hasattr(error.orig, "pgconn")
    return "unreachable" if lost else "bug"


def _reason(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:200]
