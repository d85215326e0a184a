"""Databases in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from flowbuilder.adapters.sql import sqlite
from flowbuilder.adapters.sql.rows import answer_of
from flowbuilder.adapters.sql.running import run_query
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.sql import SqlAnswer, SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.values import JsonObject

FakeDatabase = str | Callable[[SqlRequest], Iterable[JsonObject]]


class FakeDatabases:
    """`FakeDatabases({"crm": "CREATE TABLE post (title TEXT)"})`: SQLite databases in memory, by connection.

    A database is a script of SQL that makes it, or, for statements that SQLite does not know, a function of the request
    that returns the rows or raises an error. `requests` records what was asked, `writes` those that write.
    """

    def __init__(self, databases: Mapping[str, FakeDatabase] | None = None) -> None:
        self._databases = dict(databases or {})
        self._open: dict[str, Any] = {}
        self._name = uuid4().hex
        self.requests: list[SqlRequest] = []

    @property
    def writes(self) -> list[SqlRequest]:
        """The requests that write."""
        return [request for request in self.requests if request.writes]

    async def execute(self, request: SqlRequest) -> SqlAnswer:
        """The answer of the database; `ConfigurationError` when there is none of that name."""
        name = request.connection
        if name not in self._databases:
            raise ConfigurationError(f"there is no connection {name!r}")
        self.requests.append(request)
        database = self._databases[name]
        if callable(database):
            rows = list(database(request))
            columns = list(rows[0]) if rows else []
            return answer_of(request, columns, ([row[column] for column in columns] for row in rows))
        if name not in self._open:
            self._open[name] = self._connected(library()[0], name)
            self._open[name].executescript(database)
        work = partial(sqlite.execute, request, open_with=partial(self._connected, name=name))
        return await run_query(name, work, seconds=request.seconds)

    def query(self, name: str, text: str) -> list[tuple[Any, ...]]:
        """The rows of a statement outside of the workflow, of a database that was used before."""
        return list(self._open[name].execute(text))

    def _connected(self, module: Any, name: str) -> Any:
        place = f"file:/{self._name}-{name}?vfs=memdb"
        return module.connect(place, uri=True, isolation_level=None, check_same_thread=False, timeout=0)

    def __del__(self) -> None:
        for connection in self._open.values():
            connection.close()
