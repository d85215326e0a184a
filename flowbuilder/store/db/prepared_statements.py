"""Precompiled statements for the writes of every step, where compiling in SQLAlchemy costs more than SQLite itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.dml import UpdateBase


class Prepared:
    """One statement, compiled once per dialect. `keys` are the columns that an insert sets.

    Results are the driver's own values, without SQLAlchemy's conversions: statements return numbers and texts only.
    """

    def __init__(self, statement: UpdateBase, keys: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._keys = None if keys is None else list(keys)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, *rows: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it once for each of these rows of values."""
        compiled = self._compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = self._compiled[connection.dialect.name] = _Compiled(
                self._statement, self._keys, connection.dialect
            )
        values = [compiled.bound(row) for row in rows]
        return connection.exec_driver_sql(compiled.sql, values[0] if len(values) == 1 else values)


class _Compiled:
    """The SQL of a statement for one driver, and how its values are converted."""

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
        """The values of one row in the driver's form."""
        values = [(name, row[name] if convert is None else convert(row[name])) for name, convert in self._slots]
        return tuple(value for _, value in values) if self._positional else dict(values)
