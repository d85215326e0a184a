"""The records of sensitive inputs: of executions, and of starts whose execution is not created yet."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, delete, select

from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import sensitive_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject

HELD = timedelta(days=1)
"""How long the values of a start that never became an execution are kept."""

_ROW = select(sensitive_table.c.record).where(sensitive_table.c.key == bindparam("wanted"))


class SqlSensitiveInputs(Repository):
    """`create_execution` writes the record of an execution, in the transaction that creates it."""

    def hold_sensitive(self, key: str, record: JsonObject) -> None:
        """Keep a record under a key until the execution is created; delete those that were left behind."""
        kept = storable(record, "the sensitive inputs")

        def hold(transaction: Transaction) -> None:
            now, column = transaction.now(), sensitive_table.c
            transaction.execute(delete(sensitive_table).where((column.key == key) | (column.held_at < now - HELD)))
            transaction.execute(sensitive_table.insert().values(key=key, record=kept, held_at=now))

        self._database.write(hold)

    def sensitive(self, key: str) -> JsonObject | None:
        """The record of an execution, by its id or by the key that it is held under; None when there is none."""

        def read(transaction: Transaction) -> JsonObject | None:
            row = transaction.execute(_ROW, {"wanted": key}).one_or_none()
            if row is None:
                return None
            ensure_readable(row, sensitive_table.name, f"execution {key}")
            record: JsonObject = row.record
            return record

        return self._database.read(read)
