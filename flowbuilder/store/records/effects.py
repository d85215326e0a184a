"""The effect ledger: intents and receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.effect import Effect, Ending, Intent
from flowbuilder.model.effect_rules import (
    cancelled_error,
    done_event,
    ensure_revertible,
    intended_event,
    no_receipt_event,
    reverted_event,
    stored_detail,
)
from flowbuilder.model.execution import Lease
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import effects_table, executions_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject


class SqlEffects(Repository):
    """Effects, each written under the lease of its execution."""

    def begin_effect(self, lease: Lease, intent: Intent) -> Effect:
        """Record the intent; an existing effect is returned as it stood, marked as resumed."""

        undo = storable(intent.inverse, "the inverse")

        def begin(transaction: Transaction) -> Effect:
            row = transaction.fence(lease)
            known = transaction.execute(select(effects_table).where(effects_table.c.key == intent.key)).one_or_none()
            if known is not None and known.status != "refused":
                changes: dict[str, Any] = {}
                if intent.asked > _asked(known.detail):
                    changes["detail"] = {**known.detail, "asked": intent.asked}
                if undo is not None and known.status in ("intended", "unknown"):
                    changes["inverse"] = undo
                if changes:
                    transaction.execute(
                        update(effects_table).where(effects_table.c.key == intent.key).values(**changes)
                    )
                return replace(_resumed(transaction, _effect_of(known)), inverse=changes.get("inverse", known.inverse))
            if row.control == "cancel":
                raise cancelled_error(lease)
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
                "detail": stored_detail(intent),
                "inverse": undo,
                "inserted_at": transaction.now(),
            }
            if known is None:
                insert = transaction.insert(effects_table).on_conflict_do_nothing(index_elements=[effects_table.c.key])
                if transaction.execute(insert.returning(effects_table.c.key), columns).one_or_none() is None:
                    return _resumed(transaction, _effect(transaction, intent.key))
            else:
                again = {name: columns[name] for name in ("status", "request_hash", "detail", "inverse")}
                transaction.execute(update(effects_table).where(effects_table.c.key == intent.key).values(**again))
            effect = _effect(transaction, intent.key)
            transaction.write_events(row, [intended_event(effect)])
            # after a restore the effect may have been made at any time since the execution began
            return _resumed(transaction, effect, since=row.inserted_at) if row.restored else effect

        self._database.disk_space.ensure()
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
        asked: int | None = None,
    ) -> Effect:
        """Record the receipt, or why there is none. A second receipt that differs is a `Conflict`. Without a receipt,
        `asked` replaces the number of answered reviews that `begin_effect` has stored."""
        stored, undo = storable(receipt, "the receipt"), storable(inverse, "the inverse")

        def finish(transaction: Transaction) -> Effect:
            row = transaction.fence(lease)
            effect = _effect(transaction, key)
            if effect.status in ("done", "reverted"):
                if status == "done" and stored == effect.receipt:
                    return effect
                raise Conflict(f"effect {key} on {effect.target} has a receipt already, which differs from this one")
            if status == "done":
                changes = {"status": "done", "receipt": stored, "inverse": undo, "done_at": transaction.now()}
                event = done_event(effect, stored)  # type: ignore[arg-type]
            else:
                begun = effect if asked is None else replace(effect, asked=asked)
                changes = {"status": status, "detail": {**stored_detail(begun), "reason": reason}}
                event = no_receipt_event(effect, status, reason)
            transaction.execute(update(effects_table).where(effects_table.c.key == key).values(**changes))
            transaction.write_events(row, [event])
            return _effect(transaction, key)

        return self._database.write(finish)

    def revert_effect(self, key: str, by: str) -> Effect:
        """Record that a person reverted an effect, also after the end of its execution."""

        def revert(transaction: Transaction) -> Effect:
            effect = _effect(transaction, key)
            row = transaction.lock(effect.execution_id)
            ensure_revertible(_effect(transaction, key), row.status)
            transaction.execute(update(effects_table).where(effects_table.c.key == key).values(status="reverted"))
            transaction.write_events(row, [reverted_event(effect, by)])
            return _effect(transaction, key)

        return self._database.write(revert)

    def effect(self, key: str) -> Effect:
        """One effect; `NotFound`."""
        return self._database.read(lambda transaction: _effect(transaction, key))

    def effects(self, execution_id: str) -> Sequence[Effect]:
        """An execution's effects, oldest first."""
        row_id = select(executions_table.c.id).where(executions_table.c.flow_run_id == execution_id).scalar_subquery()
        query = select(effects_table).where(effects_table.c.execution_id == row_id).order_by(effects_table.c.position)
        return self._database.read(lambda transaction: tuple(_effect_of(row) for row in transaction.execute(query)))


def _effect(transaction: Transaction, key: str) -> Effect:
    row = transaction.execute(select(effects_table).where(effects_table.c.key == key)).one_or_none()
    if row is None:
        raise NotFound(f"there is no effect {key}")
    return _effect_of(row)


def _asked(detail: JsonObject) -> int:
    return int(detail.get("asked", 0))


def _resumed(transaction: Transaction, effect: Effect, *, since: datetime | None = None) -> Effect:
    age = (transaction.now() - (since or effect.created_at)).total_seconds()
    return replace(effect, resumed=True, age=age)


def _effect_of(row: Row[Any]) -> Effect:
    ensure_readable(row, effects_table.name, f"effect {row.key} ({row.path} of execution {row.flow_run_id})")
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
