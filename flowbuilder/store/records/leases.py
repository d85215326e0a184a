"""Who holds an execution: taking a lease, keeping it, letting go; and what people ask of the holder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Control, Execution, Lease, Status
from flowbuilder.model.lease_rules import (
    awaited,
    ensure_claimable,
    ensure_legal,
    is_death,
    is_poison,
    quarantined,
    ready_when_settled,
    set_aside,
    wish,
    wish_done,
    wished_status,
    worker_lost,
)
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.compatibility import ensure_new_enough
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import decisions, executions, values
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of, found
from flowbuilder.store.records.review_closing import withdraw_open
from flowbuilder.store.records.search_snapshot import snapshot
from flowbuilder.values import Json, JsonObject

_CONTROL = select(executions.c.control).where(executions.c.flow_run_id == bindparam("wanted"))


class SqlLeases(Repository):
    """An execution's row is its lock; its epoch grows whenever the right to write changes hands."""

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1; or set a poisonous execution aside.
        `Unavailable` while there is no room to write down what would follow."""

        def claim(transaction: Transaction) -> Lease | Refused:
            row = transaction.lock(execution_id)
            ensure_new_enough(transaction)
            now, before = transaction.now(), execution_of(row)
            ensure_claimable(before, holder, now)
            died, epoch = is_death(before, holder, now), row.epoch + 1
            if is_poison(before, died=died):
                return _set_aside(transaction, row)
            transaction.change(
                row.id,
                status="running",
                holder=holder,
                lease_until=now + ttl,
                epoch=epoch,
                attempt=row.attempt + 1,
                deaths=row.deaths + died,
                started_at=row.started_at or now,
                ready_at=None,
            )
            if died:
                transaction.write(row, [worker_lost(before)], epoch=epoch)
            return Lease(execution_id=execution_id, holder=holder, epoch=epoch)

        self._database.room.ensure()
        claimed = self._database.write(claim)
        if isinstance(claimed, Refused):
            raise claimed  # after the commit: that it is set aside is to last
        return claimed

    def renew(self, lease: Lease, ttl: timedelta) -> None:
        """Keep the lease for another `ttl` from now."""

        def renew(transaction: Transaction) -> None:
            grip = transaction.advance(lease)
            transaction.change(grip.id, lease_until=transaction.now() + ttl)

        self._database.write(renew)

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out."""

        def expire_lease(transaction: Transaction) -> None:
            row = transaction.lock(execution_id)
            if row.holder == holder:
                transaction.change(row.id, lease_until=transaction.now())

        self._database.write(expire_lease)

    def settle(
        self,
        lease: Lease,
        status: Status,
        *,
        events: Sequence[NewEvent],
        outputs: Json = None,
        error: JsonObject | None = None,
        progress: JsonObject | None = None,
        ready_at: datetime | None = None,
    ) -> Execution:
        """Set the status, end the lease, write the events. A wish not yet done is done at once."""
        large = {"outputs": storable(outputs, "the outputs"), "error": storable(error, "the error")}
        kept = None if progress is None else storable(progress, "the progress")

        def settle(transaction: Transaction) -> Execution:
            row = transaction.fence(lease)
            now = transaction.now()
            ensure_legal(execution_of(row), status)
            final = wished_status(status, row.control)
            if status in TERMINAL:
                withdraw_open(transaction, row)
            transaction.write(row, events)
            if final != status:
                if final in TERMINAL:
                    withdraw_open(transaction, row)
                transaction.write(row, [wish_done(final, row.wished_by)])
            missed = final == "waiting" and _missed(transaction, row, tuple(events))
            ready = ready_when_settled(final, missed=missed, asked=ready_at, now=now)
            _let_go(transaction, row, final, ready_at=ready, progress=row.progress if kept is None else kept)
            transaction.run(update(values).where(values.c.execution_id == row.id).values(**large))
            if final in TERMINAL:
                _keep_snapshot(transaction, row)
            return found(transaction, lease.execution_id)

        return self._database.write(settle)

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Note a wish for the worker; where nobody holds the execution it is done at once."""

        def request(transaction: Transaction) -> Execution:
            row = transaction.lock(execution_id)
            now = transaction.now()
            change = wish(execution_of(row), action, by, now)
            if change is not None:
                transaction.write(row, [change.requested])
                transaction.change(row.id, control=change.control, wished_by=by)
                if change.status is not None:
                    if change.status in TERMINAL:
                        withdraw_open(transaction, row)
                    again = {"ready_at": now, "deaths": 0} if change.status == "queued" else {"ready_at": None}
                    _let_go(transaction, row, change.status, **again)
                    done = [change.done] if change.done else []
                    transaction.write(row, done, epoch=row.epoch + 1)
            return found(transaction, execution_id)

        return self._database.write(request)

    def control(self, execution_id: str) -> Control | None:
        """What a person has asked for and the worker has not yet done."""

        def look(transaction: Transaction) -> Control | None:
            row = transaction.run(_CONTROL, {"wanted": execution_id}).one_or_none()
            if row is None:
                raise NotFound(f"there is no execution {execution_id}")
            asked: Control | None = row.control
            return asked

        return self._database.read(look)


def _let_go(transaction: Transaction, row: Row[Any], status: Status, *, ready_at: datetime | None, **more: Any) -> None:
    """Another status for an execution that nobody holds from now on: whoever held it is fenced out."""
    transaction.change(
        row.id,
        status=status,
        epoch=row.epoch + 1,
        holder=None,
        lease_until=None,
        control=None,
        ready_at=ready_at,
        ended_at=transaction.now() if status in TERMINAL else None,
        **more,
    )
    if ready_at is not None and ready_at <= transaction.now():
        transaction.announce(row.flow_run_id)


def _set_aside(transaction: Transaction, row: Row[Any]) -> Refused:
    before = execution_of(row)
    status = wished_status("paused", row.control)
    if status in TERMINAL:
        withdraw_open(transaction, row)
    _let_go(transaction, row, status, ready_at=None, deaths=row.deaths + 1)
    done = [] if status == "paused" else [wish_done(status, row.wished_by)]
    transaction.write(row, [worker_lost(before), quarantined(before), *done], epoch=row.epoch + 1)
    return set_aside(before)


def _missed(transaction: Transaction, row: Row[Any], events: tuple[NewEvent, ...]) -> bool:
    """Whether one of the reviews that the worker says it waits for was decided while it held the execution."""
    waits_for = awaited(events)
    made = select(decisions.c.path).where(decisions.c.execution_id == row.id, decisions.c.epoch == row.epoch)
    return any(waits_for is None or path in waits_for for path in transaction.run(made).scalars())


def _keep_snapshot(transaction: Transaction, row: Row[Any]) -> None:
    kept = transaction.run(select(values).where(values.c.execution_id == row.id)).one()
    excerpt = snapshot(inputs=kept.inputs, site=row.site, outputs=kept.outputs, error=kept.error)
    transaction.run(update(executions).where(executions.c.id == row.id).values(context_snapshot=excerpt))
