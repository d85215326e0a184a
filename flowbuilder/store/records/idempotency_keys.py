"""The keys under which executions were started, in the database."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from flowbuilder.errors import NotFound
from flowbuilder.model.execution import other_start
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import start_keys
from flowbuilder.store.db.transaction import Transaction

_TAKEN = select(start_keys).where(start_keys.c.key == bindparam("wanted"))
_NOTE = update(start_keys).where(start_keys.c.key == bindparam("wanted"), start_keys.c.flow_run_id.is_(None))


class SqlIdempotencyKeys(Repository):
    """A key is taken once, for one request, and stands for one execution."""

    def reserve_idempotency_key(self, key: str, request_hash: str) -> str | None:
        """Take a key; the id of the execution that was started with it, if there is one."""

        def take(transaction: Transaction) -> str | None:
            values = {"key": key, "request_hash": request_hash, "inserted_at": transaction.now()}
            transaction.run(transaction.insert(start_keys).on_conflict_do_nothing(), values)
            row = transaction.run(_TAKEN, {"wanted": key}).one()
            if row.request_hash != request_hash:
                raise other_start(key)
            known: str | None = row.flow_run_id
            return known

        return self._database.write(take)

    def complete_idempotency_key(self, key: str, execution_id: str) -> str:
        """The execution of a key; the first one stands."""

        def note(transaction: Transaction) -> str:
            transaction.run(_NOTE.values(flow_run_id=execution_id), {"wanted": key})
            row = transaction.run(_TAKEN, {"wanted": key}).one_or_none()
            if row is None:
                raise NotFound(f"nothing is started with the key {key}")
            stands: str = row.flow_run_id
            return stands

        return self._database.write(note)
