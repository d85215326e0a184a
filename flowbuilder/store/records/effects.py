"""The effect ledger, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.effect import (
    Effect,
    Ending,
    Intent,
    cancelled,
    ended_without_receipt,
    intended,
    notes,
)
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease
from flowbuilder.model.stored_json import storable
from flowbuilder.model.undo_rules import ensure_revertible, reverted
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import effects, executions
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject


class SqlEffects(Repository):
    """Intents, receipts, and effects of which nobody knows."""

    def begin_effect(self, lease: Lease, intent: Intent) -> Effect:
        """The durable intent; one that is there already comes back as it stood, marked as resumed."""

        def begin(transaction: Transaction) -> Effect:
            row = transaction.fence(lease)
            known = transaction.run(select(effects).where(effects.c.key == intent.key)).one_or_none()
            if known is not None and known.status != "refused":
                if intent.asked > _asked(known.detail):
                    kept = {**known.detail, "asked": intent.asked}
                    transaction.run(update(effects).where(effects.c.key == intent.key).values(detail=kept))
                return _resumed(transaction, _effect_of(known))
            if row.control == "cancel":
                raise cancelled(lease)
            columns = {
                "key": intent.key,
                "execution_id": row.id,
                "flow_run_id": lease.execution_id,
                "position": row.seq + 1,
                "path": intent.path,
                "target": intent.target,
                "target_class": intent.target_class,
                "status": "intended",
                "request_hash": intent.request_hash,
                "detail": notes(intent),
                "inserted_at": transaction.now(),
            }
            if known is None:
                insert = transaction.insert(effects).on_conflict_do_nothing(index_elements=[effects.c.key])
                if transaction.run(insert.returning(effects.c.key), columns).one_or_none() is None:
                    return _resumed(transaction, _effect(transaction, intent.key))
            else:
                again = {"status": "intended", "request_hash": intent.request_hash, "detail": columns["detail"]}
                transaction.run(update(effects).where(effects.c.key == intent.key).values(**again))
            effect = _effect(transaction, intent.key)
            transaction.write(row, [intended(effect)])
            # it may have been made after the backup that this execution came from, nobody knows when
            return _resumed(transaction, effect, since=row.inserted_at) if row.restored else effect

        self._database.room.ensure()
        return self._database.write(begin)

    def finish_effect(
        self,
        lease: Lease,
        key: str,
        status: Ending,
        *,
        receipt: JsonObject | None = None,
        inverse: JsonObject | None = None,
        reason: str = "",
    ) -> Effect:
        """The receipt, or the note that nobody knows. The first receipt stands: another one is `Conflict`."""
        kept, undo = storable(receipt, "the receipt"), storable(inverse, "the inverse")

        def finish(transaction: Transaction) -> Effect:
            row = transaction.fence(lease)
            effect = _effect(transaction, key)
            if effect.status in ("done", "reverted"):
                if status == "done" and kept == effect.receipt:
                    return effect
                raise Conflict(f"effect {key} on {effect.target} has a receipt already, and this one differs")
            if status == "done":
                changes = {"status": "done", "receipt": kept, "inverse": undo, "done_at": transaction.now()}
                event = NewEvent(type="effect_done", path=effect.path, data={"key": key, "receipt": kept})
            else:
                changes = {
                    "status": status,
                    "detail": {**notes(effect), "reason": reason},
                }
                event = ended_without_receipt(effect, status, reason)
            transaction.run(update(effects).where(effects.c.key == key).values(**changes))
            transaction.write(row, [event])
            return _effect(transaction, key)

        return self._database.write(finish)

    def revert_effect(self, key: str, by: str) -> Effect:
        """Note that a person has taken an effect back, also after the end of its execution."""

        def revert(transaction: Transaction) -> Effect:
            effect = _effect(transaction, key)
            row = transaction.lock(effect.execution_id)
            ensure_revertible(_effect(transaction, key))
            transaction.run(update(effects).where(effects.c.key == key).values(status="reverted"))
            transaction.write(row, [reverted(effect, by)])
            return _effect(transaction, key)

        return self._database.write(revert)

    def effect(self, key: str) -> Effect:
        """One row of the ledger."""
        return self._database.read(lambda transaction: _effect(transaction, key))

    def effects(self, execution_id: str) -> Sequence[Effect]:
        """An execution's effects, oldest first."""
        number = select(executions.c.id).where(executions.c.flow_run_id == execution_id).scalar_subquery()
        query = select(effects).where(effects.c.execution_id == number).order_by(effects.c.position)
        return self._database.read(lambda transaction: tuple(_effect_of(row) for row in transaction.run(query)))


def _effect(transaction: Transaction, key: str) -> Effect:
    row = transaction.run(select(effects).where(effects.c.key == key)).one_or_none()
    if row is None:
        raise NotFound(f"there is no effect {key}")
    return _effect_of(row)


def _asked(detail: JsonObject) -> int:
    return int(detail.get("asked", 0))


def _resumed(transaction: Transaction, effect: Effect, *, since: datetime | None = None) -> Effect:
    age = (transaction.now() - (since or effect.created_at)).total_seconds()
    return replace(effect, resumed=True, age=age)


def _effect_of(row: Row[Any]) -> Effect:
    ensure_readable(row, effects.name, f"effect {row.key} ({row.path} of execution {row.flow_run_id})")
    return Effect(
        key=row.key,
        execution_id=row.flow_run_id,
        path=row.path,
        target=row.target,
        target_class=row.target_class,
        status=row.status,
        request_hash=row.request_hash,
        receipt=row.receipt,
        inverse=row.inverse,
        created_at=row.inserted_at,
        done_at=row.done_at,
        detail={name: value for name, value in row.detail.items() if name not in ("asked", "key_retention")},
        asked=_asked(row.detail),
        key_retention=row.detail.get("key_retention"),
    )
