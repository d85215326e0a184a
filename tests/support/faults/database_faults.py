"""Database errors, injected where the driver is called: at any statement or commit, once or from then on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from sqlalchemy import event

from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.store import SqlStore

Kind = Literal["busy", "full", "io", "gone", "commit lost", "commit unheard"]
"""`gone`: the connection breaks at a statement. `commit lost`: a commit fails with an error. `commit unheard`: a commit
succeeds, and the driver reports an error."""

STATES = {"busy": "40001", "full": "53100", "io": "58030"}
WORDS = {
    "busy": "database is locked",
    "full": "database or disk is full",
    "io": "disk I/O error",
    "gone": "unable to open database file",
    "commit lost": "database is locked",
    "commit unheard": "database is locked",
}


class Faults:
    """Counts the calls of the driver, and makes one of them (or all from that one on) fail."""

    def __init__(self, store: SqlStore, kind: Kind, *, point: int | None = None, persistent: bool = False) -> None:
        self.kind, self.point, self.persistent = kind, point, persistent
        self.calls = 0
        self.fired = 0
        self.healed = False
        self._on_postgres = store.database.on_postgres
        self._engine = store.database.engine

    @contextmanager
    def injected(self) -> Iterator[None]:
        """Inject the faults within this block."""
        at_commit = self.kind.startswith("commit")
        dialect: Any = self._engine.dialect
        commit = dialect.do_commit
        if at_commit:
            dialect.do_commit = lambda connection: self._commit(commit, connection)
        else:
            event.listen(self._engine, "do_execute", self._execute)
        try:
            yield
        finally:
            if at_commit:
                dialect.do_commit = commit
            else:
                event.remove(self._engine, "do_execute", self._execute)

    def _due(self) -> bool:
        self.calls += 1
        if self.healed or self.point is None:
            return False
        due = self.calls >= self.point if self.persistent else self.calls == self.point
        self.fired += due
        return due

    def _execute(self, cursor: Any, *_: Any) -> None:
        if self._due():
            if self.kind == "gone" and self._on_postgres:
                cursor.connection.close()
            raise self._error()

    def _commit(self, commit: Any, connection: Any) -> None:
        if not self._due():
            commit(connection)
            return
        if self.kind == "commit unheard":
            commit(connection)
        if self._on_postgres:
            connection.driver_connection.close()
        raise self._error()

    def _error(self) -> Exception:
        if not self._on_postgres:
            module, _ = library()
            return module.OperationalError(WORDS[self.kind])  # type: ignore[no-any-return]
        state = STATES.get(self.kind)
        if state is None:
            return psycopg.OperationalError("server closed the connection unexpectedly")
        return psycopg.errors.lookup(state)(WORDS[self.kind])
