"""History of an execution: outcomes, events and step memos, written under its lease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Row, bindparam, select
from sqlalchemy.exc import IntegrityError

from flowbuilder.errors import Conflict
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.lease_rules import ensure_event_allowed
from flowbuilder.model.stored_json import storable, storable_outcome
from flowbuilder.ports.engine import StepMemo
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.prepared_statements import Prepared
from flowbuilder.store.db.tables import events_table, executions_table, outcomes_table, step_memos_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.executions import execution_of
from flowbuilder.values import JsonObject

_ROW_ID = select(executions_table.c.id).where(executions_table.c.flow_run_id == bindparam("wanted")).scalar_subquery()
_OUTCOMES = select(outcomes_table).where(outcomes_table.c.execution_id == _ROW_ID).order_by(outcomes_table.c.position)
_EVENTS = (
    select(events_table)
    .where(events_table.c.execution_id == _ROW_ID, events_table.c.seq > bindparam("after"))
    .order_by(events_table.c.seq)
    .limit(bindparam("most", type_=Integer))
)
_STEP_MEMO = select(step_memos_table.c.answer).where(
    step_memos_table.c.execution_id == _ROW_ID, step_memos_table.c.key == bindparam("key")
)
_STEP_MEMOS = (
    select(step_memos_table.c.answer, step_memos_table.c.inserted_at)
    .where(step_memos_table.c.execution_id == _ROW_ID, step_memos_table.c.path == bindparam("path"))
    .order_by(step_memos_table.c.inserted_at, step_memos_table.c.key)
)
_INSERT_OUTCOME = Prepared(outcomes_table.insert(), outcomes_table.c.keys())


class _OutcomeExists(Exception):
    """The path has an outcome already."""


class SqlHistory(Repository):
    """Events are numbered under the execution's lock, so that there is never a gap."""

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """In the order in which they were recorded."""
        wanted = {"wanted": execution_id}
        return self._database.read(
            lambda transaction: tuple(_outcome_of(row, execution_id) for row in transaction.execute(_OUTCOMES, wanted))
        )

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events; a second outcome of a path is `Conflict`."""
        stored = storable_outcome(outcome)

        def record(transaction: Transaction) -> None:
            execution = transaction.fence_and_count(lease, events=len(events), outcomes=1)
            columns = {
                "execution_id": execution.id,
                "path": outcome.path,
                "position": execution.recorded,
                "status": outcome.status,
                "attempt": outcome.attempt,
                "seconds": outcome.seconds,
                "task_run_id": outcome.task_run_id,
                "finished_at": outcome.finished_at or transaction.now(),
                "output": stored.output,
                "error": stored.error,
                "usage": stored.usage or None,
            }
            try:
                _INSERT_OUTCOME.run(transaction.connection, columns)
            except IntegrityError:
                raise _OutcomeExists from None
            transaction.write_events(execution, events, first_seq=execution.first_seq)
            if execution.deaths:
                transaction.update_execution(execution.id, deaths=0)

        try:
            self._database.write(record)
        except _OutcomeExists:
            known = self._database.read(lambda transaction: _status(transaction, lease.execution_id, outcome.path))
            raise Conflict(f"{outcome.path} has an outcome already: it is {known}") from None

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None:
        """Events that the worker writes under its lease."""

        def append(transaction: Transaction) -> None:
            execution = transaction.fence_and_count(lease, events=len(events))
            transaction.write_events(execution, events, first_seq=execution.first_seq)

        self._database.write(append)

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event of a person or of the reconciler; `Refused` after the end, except `effect_reverted`."""

        def record(transaction: Transaction) -> None:
            row = transaction.lock(execution_id)
            ensure_event_allowed(execution_of(row), event)
            transaction.write_events(row, [event])

        self._database.write(record)

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above `after`."""
        wanted = {"wanted": execution_id, "after": max(after, 0), "most": max(limit, 0)}
        return self._database.read(
            lambda transaction: tuple(_event_of(row, execution_id) for row in transaction.execute(_EVENTS, wanted))
        )

    def save_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Record an answer before it is used; a later one of the same key is ignored."""
        stored = storable(answer, "the answer")

        def save(transaction: Transaction) -> None:
            execution = transaction.fence_and_count(lease)
            columns = {
                "execution_id": execution.id,
                "key": key,
                "path": path,
                "answer": stored,
                "inserted_at": transaction.now(),
            }
            transaction.execute(transaction.insert(step_memos_table).on_conflict_do_nothing(), columns)

        self._database.write(save)

    def step_memo(self, execution_id: str, key: str) -> JsonObject | None:
        """The recorded answer with this key; None when there is none."""
        wanted = {"wanted": execution_id, "key": key}
        return self._database.read(lambda transaction: transaction.execute(_STEP_MEMO, wanted).scalar_one_or_none())

    def step_memos(self, execution_id: str, path: str) -> Sequence[StepMemo]:
        """The recorded answers of one step run, in the order in which they were recorded."""
        wanted = {"wanted": execution_id, "path": path}
        return self._database.read(
            lambda transaction: tuple(
                _step_memo_of(row, execution_id, path) for row in transaction.execute(_STEP_MEMOS, wanted)
            )
        )


def _status(transaction: Transaction, execution_id: str, path: str) -> str:
    query = select(outcomes_table.c.status).join(
        executions_table, executions_table.c.id == outcomes_table.c.execution_id
    )
    one = query.where(executions_table.c.flow_run_id == execution_id, outcomes_table.c.path == path)
    status: str = transaction.execute(one).scalar_one()
    return status


def _outcome_of(row: Row[Any], execution_id: str) -> Outcome:
    ensure_readable(row, outcomes_table.name, f"{row.path} of execution {execution_id}")
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


def _step_memo_of(row: Row[Any], execution_id: str, path: str) -> StepMemo:
    ensure_readable(row, step_memos_table.name, f"an answer of {path} of execution {execution_id}")
    return StepMemo(answer=row.answer, at=row.inserted_at)


def _event_of(row: Row[Any], execution_id: str) -> Event:
    ensure_readable(row, events_table.name, f"event {row.seq} of execution {execution_id}")
    return Event(
        execution_id=execution_id,
        seq=row.seq,
        at=row.inserted_at,
        type=row.type,
        path=row.path,
        data=row.payload,
        epoch=row.epoch,
    )
