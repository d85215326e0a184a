"""What happened in an execution: outcomes and events, written together under the lease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Row, bindparam, select
from sqlalchemy.exc import IntegrityError

from flowbuilder.errors import Conflict
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.lease_rules import ensure_event_fits
from flowbuilder.model.stored_json import keepable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.prepared_statements import Prepared
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import events as event_rows
from flowbuilder.store.db.tables import executions, outcomes
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of

_NUMBER = select(executions.c.id).where(executions.c.flow_run_id == bindparam("wanted")).scalar_subquery()
_OUTCOMES = select(outcomes).where(outcomes.c.execution_id == _NUMBER).order_by(outcomes.c.position)
_EVENTS = (
    select(event_rows)
    .where(event_rows.c.execution_id == _NUMBER, event_rows.c.seq > bindparam("after"))
    .order_by(event_rows.c.seq)
    .limit(bindparam("most", type_=Integer))
)
_INSERT = Prepared(outcomes.insert(), outcomes.c.keys())


class _Recorded(Exception):
    """The path has an outcome already."""


class SqlHistory(Repository):
    """Events get their numbers under the execution's lock, so that there is never a gap."""

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """In the order in which they were recorded."""
        wanted = {"wanted": execution_id}
        return self._database.read(
            lambda transaction: tuple(_outcome_of(row, execution_id) for row in transaction.run(_OUTCOMES, wanted))
        )

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events; a second outcome of a path is `Conflict`."""
        kept = keepable(outcome)

        def record(transaction: Transaction) -> None:
            grip = transaction.advance(lease, events=len(events), outcomes=1)
            values = {
                "execution_id": grip.id,
                "path": outcome.path,
                "position": grip.recorded,
                "status": outcome.status,
                "attempt": outcome.attempt,
                "seconds": outcome.seconds,
                "task_run_id": outcome.task_run_id,
                "finished_at": outcome.finished_at or transaction.now(),
                "output": kept.output,
                "error": kept.error,
                "usage": kept.usage or None,
            }
            try:
                _INSERT.run(transaction.connection, values)
            except IntegrityError:
                raise _Recorded from None
            transaction.write_counted(grip, events)
            if grip.deaths:
                transaction.change(grip.id, deaths=0)

        try:
            self._database.write(record)
        except _Recorded:
            known = self._database.read(lambda transaction: _status(transaction, lease.execution_id, outcome.path))
            raise Conflict(f"{outcome.path} has an outcome already: it is {known}") from None

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None:
        """Events that a worker writes."""

        def append(transaction: Transaction) -> None:
            transaction.write_counted(transaction.advance(lease, events=len(events)), events)

        self._database.write(append)

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event of a person or a sweeper; `Refused` after the end, but for an effect taken back."""

        def record(transaction: Transaction) -> None:
            row = transaction.lock(execution_id)
            ensure_event_fits(execution_of(row), event)
            transaction.write(row, [event])

        self._database.write(record)

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a higher number than `after`."""
        wanted = {"wanted": execution_id, "after": max(after, 0), "most": max(limit, 0)}
        return self._database.read(
            lambda transaction: tuple(_event_of(row, execution_id) for row in transaction.run(_EVENTS, wanted))
        )


def _status(transaction: Transaction, execution_id: str, path: str) -> str:
    of = select(outcomes.c.status).join(executions, executions.c.id == outcomes.c.execution_id)
    there = of.where(executions.c.flow_run_id == execution_id, outcomes.c.path == path)
    status: str = transaction.run(there).scalar_one()
    return status


def _outcome_of(row: Row[Any], execution_id: str) -> Outcome:
    ensure_readable(row, outcomes.name, f"{row.path} of execution {execution_id}")
    return Outcome(
        path=row.path,
        status=row.status,
        output=row.output,
        error=row.error,
        attempt=row.attempt,
        seconds=row.seconds,
        usage=row.usage or {},
        task_run_id=row.task_run_id,
        finished_at=row.finished_at,
    )


def _event_of(row: Row[Any], execution_id: str) -> Event:
    ensure_readable(row, event_rows.name, f"event {row.seq} of execution {execution_id}")
    return Event(
        execution_id=execution_id,
        seq=row.seq,
        at=row.inserted_at,
        type=row.type,
        path=row.path,
        data=row.payload,
        epoch=row.epoch,
    )
