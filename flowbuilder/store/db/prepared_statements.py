"""Statements of every step: compiled once, and run past the machinery of SQLAlchemy, which costs more than SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.dml import UpdateBase


class Prepared:
    """One statement, compiled once for each dialect. `keys` are the columns that an insert gives values to.

    Results come as the driver gives them: only statements that return numbers and texts are prepared.
    """

    def __init__(self, statement: UpdateBase, keys: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._keys = None if keys is None else list(keys)
        self._ready: dict[str, _Ready] = {}

    def run(self, connection: Connection, *rows: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with these values, once for each."""
        ready = self._ready.get(connection.dialect.name)
        if ready is None:
            ready = self._ready[connection.dialect.name] = _Ready(self._statement, self._keys, connection.dialect)
        values = [ready.bound(row) for row in rows]
        return connection.exec_driver_sql(ready.sql, values[0] if len(values) == 1 else values)


class _Ready:
    """A statement as one driver takes it."""

    def __init__(self, statement: UpdateBase, keys: list[str] | None, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        self.sql = str(compiled)
        binds = compiled.binds
        positions = getattr(compiled, "positiontup", None)
        self._positional = positions is not None
        self._slots = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in positions or binds
        ]

    def bound(self, row: Mapping[str, Any]) -> Any:
        """The values of one row, as the driver takes them."""
        values = [(name, row[name] if convert is None else convert(row[name])) for name, convert in self._slots]
        return tuple(value for _, value in values) if self._positional else dict(values)
