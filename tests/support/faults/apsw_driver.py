"""apsw as a DB-API driver for SQLAlchemy: it has its own SQLite, whose virtual file system a test writes in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw


class Error(Exception):
    """The base class of DB-API errors."""


class OperationalError(Error):
    """An error that the statement did not cause: locked, full, broken."""


class IntegrityError(Error):
    """A violated constraint."""


class Driver:
    """Replaces the module `sqlite3`. Its connections open their files through the named virtual file system."""

    paramstyle = "qmark"
    sqlite_version = apsw.sqlite_lib_version()
    sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))
    Error, OperationalError, IntegrityError = Error, OperationalError, IntegrityError
    DatabaseError = InterfaceError = ProgrammingError = NotSupportedError = InternalError = DataError = Error

    def __init__(self, vfs: str) -> None:
        self._vfs = vfs

    def connect(self, file: str, **_: Any) -> Connection:
        return Connection(apsw.Connection(file, vfs=self._vfs))


class Connection:
    """A connection in autocommit mode, as the store configures its driver."""

    isolation_level: str | None = None

    def __init__(self, inner: apsw.Connection) -> None:
        self.inner = inner

    def create_function(self, name: str, arguments: int, function: Any, **_: Any) -> None:
        self.inner.create_scalar_function(name, function, arguments, deterministic=True)

    def cursor(self) -> Cursor:
        return Cursor(self.inner)

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def close(self) -> None:
        self.inner.close()

    def _end(self, how: str) -> None:
        if self.inner.in_transaction:
            self.cursor().execute(how)


class Cursor:
    """Reads all rows of a statement at once."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        cursor = self._connection.cursor()
        cursor.exec_trace = self._describe
        before = self._connection.total_changes()
        try:
            self._rows = list(cursor.execute(sql, tuple(values)))
        except apsw.ConstraintError as problem:
            raise IntegrityError(str(problem)) from problem
        except apsw.Error as problem:
            raise OperationalError(str(problem)) from problem
        changed = self._connection.total_changes() > before
        self.rowcount = self._connection.changes() if changed else 0
        self.lastrowid = self._connection.last_insert_rowid()
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        for row in rows:
            self.execute(sql, row)
        return self

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []

    def _describe(self, cursor: apsw.Cursor, *_: Any) -> bool:
        columns = cursor.get_description()
        self.description = [(name, kind, *[None] * 5) for name, kind in columns] or None
        return True
