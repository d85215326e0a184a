"""Leases of executions: claimed, renewed, released; and the control requests to their holders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Control, Execution, Lease, Status
from flowbuilder.model.lease_rules import (
    awaited_reviews,
    control_applied_event,
    control_request,
    ensure_claimable,
    ensure_transition,
    is_death,
    is_poison,
    quarantine_error,
    quarantined_event,
    settled_ready_at,
    settled_status,
    worker_lost_event,
)
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.migrations import ensure_new_enough
from flowbuilder.store.db.tables import decisions_table, executions_table, values_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of, read_execution, search_snapshot
from flowbuilder.store.records.review_closing import withdraw_open
from flowbuilder.values import Json, JsonObject

_CONTROL = select(executions_table.c.control).where(executions_table.c.flow_run_id == bindparam("wanted"))


class SqlLeases(Repository):
    """Leases and control requests. The lock of an execution is its row; each claim raises the row's epoch."""

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1; or quarantine the execution.
        `Unavailable` when the disk is too full."""

        def claim(transaction: Transaction) -> Lease | Refused:
            row = transaction.lock(execution_id)
            ensure_new_enough(transaction)
            now, before = transaction.now(), execution_of(row)
            ensure_claimable(before, holder, now)
            died, epoch = is_death(before, holder, now), row.epoch + 1
            if is_poison(before, died=died):
                return _quarantine(transaction, row)
            transaction.update_execution(
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
                transaction.write_events(row, [worker_lost_event(before)], epoch=epoch)
            return Lease(execution_id=execution_id, holder=holder, epoch=epoch)

        self._database.disk_space.ensure()
        claimed = self._database.write(claim)
        if isinstance(claimed, Refused):
            raise claimed  # after the commit, so that the quarantine is stored
        return claimed

    def renew(self, lease: Lease, ttl: timedelta) -> None:
        """Extend the lease to `ttl` from now."""

        def renew(transaction: Transaction) -> None:
            execution = transaction.fence_and_count(lease)
            transaction.update_execution(execution.id, lease_until=transaction.now() + ttl)

        self._database.write(renew)

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out."""

        def expire_lease(transaction: Transaction) -> None:
            row = transaction.lock(execution_id)
            if row.holder == holder:
                transaction.update_execution(row.id, lease_until=transaction.now())

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
        """Release the lease: set the status, write the events. A pending control request is applied at once."""
        large = {"outputs": storable(outputs, "the outputs"), "error": storable(error, "the error")}
        stored_progress = None if progress is None else storable(progress, "the progress")

        def settle(transaction: Transaction) -> Execution:
            row = transaction.fence(lease)
            now = transaction.now()
            ensure_transition(execution_of(row), status)
            final = settled_status(status, row.control)
            if status in TERMINAL:
                withdraw_open(transaction, row)
            transaction.write_events(row, events)
            if final != status:
                if final in TERMINAL:
                    withdraw_open(transaction, row)
                transaction.write_events(row, [control_applied_event(final, row.wished_by)])
            missed = final == "waiting" and _missed(transaction, row, tuple(events))
            ready = settled_ready_at(final, missed=missed, wanted=ready_at, now=now)
            _release(
                transaction,
                row,
                final,
                ready_at=ready,
                progress=row.progress if stored_progress is None else stored_progress,
            )
            transaction.execute(update(values_table).where(values_table.c.execution_id == row.id).values(**large))
            if final in TERMINAL:
                _store_snapshot(transaction, row)
            return read_execution(transaction, lease.execution_id)

        return self._database.write(settle)

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Store a control request for the worker; without a holder it is applied at once."""

        def request(transaction: Transaction) -> Execution:
            row = transaction.lock(execution_id)
            now = transaction.now()
            change = control_request(execution_of(row), action, by, now)
            if change is not None:
                transaction.write_events(row, [change.requested])
                transaction.update_execution(row.id, control=change.control, wished_by=by)
                if change.status is not None:
                    if change.status in TERMINAL:
                        withdraw_open(transaction, row)
                    again = {"ready_at": now, "deaths": 0} if change.status == "queued" else {"ready_at": None}
                    _release(transaction, row, change.status, **again)
                    applied = [change.applied] if change.applied else []
                    transaction.write_events(row, applied, epoch=row.epoch + 1)
            return read_execution(transaction, execution_id)

        return self._database.write(request)

    def control(self, execution_id: str) -> Control | None:
        """The pending control request."""

        def read(transaction: Transaction) -> Control | None:
            row = transaction.execute(_CONTROL, {"wanted": execution_id}).one_or_none()
            if row is None:
                raise NotFound(f"there is no execution {execution_id}")
            control: Control | None = row.control
            return control

        return self._database.read(read)


def _release(
    transaction: Transaction, row: Row[Any], status: Status, *, ready_at: datetime | None, **more: Any
) -> None:
    """End the lease with a new status; a worker that still holds it is fenced out."""
    transaction.update_execution(
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
        transaction.notify_ready(row.flow_run_id)


def _quarantine(transaction: Transaction, row: Row[Any]) -> Refused:
    before = execution_of(row)
    status = settled_status("paused", row.control)
    if status in TERMINAL:
        withdraw_open(transaction, row)
    _release(transaction, row, status, ready_at=None, deaths=row.deaths + 1)
    applied = [] if status == "paused" else [control_applied_event(status, row.wished_by)]
    transaction.write_events(row, [worker_lost_event(before), quarantined_event(before), *applied], epoch=row.epoch + 1)
    return quarantine_error(before)


def _missed(transaction: Transaction, row: Row[Any], events: tuple[NewEvent, ...]) -> bool:
    """Whether a review that the worker's event names was decided while the worker held the execution."""
    waits_for = awaited_reviews(events)
    decided = select(decisions_table.c.path).where(
        decisions_table.c.execution_id == row.id, decisions_table.c.epoch == row.epoch
    )
    return any(waits_for is None or path in waits_for for path in transaction.execute(decided).scalars())


def _store_snapshot(transaction: Transaction, row: Row[Any]) -> None:
    stored = transaction.execute(select(values_table).where(values_table.c.execution_id == row.id)).one()
    excerpt = search_snapshot(inputs=stored.inputs, site=row.site, outputs=stored.outputs, error=stored.error)
    transaction.execute(
        update(executions_table).where(executions_table.c.id == row.id).values(context_snapshot=excerpt)
    )
