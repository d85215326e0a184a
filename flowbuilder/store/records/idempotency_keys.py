"""Idempotency keys of starts."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from flowbuilder.errors import NotFound
from flowbuilder.model.execution import other_start
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import idempotency_keys_table
from flowbuilder.store.db.transaction import Transaction

_ROW = select(idempotency_keys_table).where(idempotency_keys_table.c.key == bindparam("wanted"))
_COMPLETE = update(idempotency_keys_table).where(
    idempotency_keys_table.c.key == bindparam("wanted"), idempotency_keys_table.c.flow_run_id.is_(None)
)


class SqlIdempotencyKeys(Repository):
    """A key is reserved once, for one request, and belongs to one execution."""

    def reserve_idempotency_key(self, key: str, request_hash: str) -> str | None:
        """Reserve a key; the id of the execution that was started with it, if any."""

        def reserve(transaction: Transaction) -> str | None:
            columns = {"key": key, "request_hash": request_hash, "inserted_at": transaction.now()}
            transaction.execute(transaction.insert(idempotency_keys_table).on_conflict_do_nothing(), columns)
            row = transaction.execute(_ROW, {"wanted": key}).one()
            if row.request_hash != request_hash:
                raise other_start(key)
            known: str | None = row.flow_run_id
            return known

        return self._database.write(reserve)

    def complete_idempotency_key(self, key: str, execution_id: str) -> str:
        """Record the execution of a key; returns the id that was recorded first."""

        def complete(transaction: Transaction) -> str:
            transaction.execute(_COMPLETE.values(flow_run_id=execution_id), {"wanted": key})
            row = transaction.execute(_ROW, {"wanted": key}).one_or_none()
            if row is None:
                raise NotFound(f"there is no idempotency key {key}")
            recorded: str = row.flow_run_id
            return recorded

        return self._database.write(complete)
