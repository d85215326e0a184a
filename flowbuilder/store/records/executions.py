"""Executions: made, read, listed, and those that are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, literal, select, tuple_

from flowbuilder.errors import NotFound
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import ExecutionFilter
from flowbuilder.store.db.column_types import Moment
from flowbuilder.store.db.corruption import damage, unreadable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import executions, values, versions
from flowbuilder.store.db.transaction import HEAD, Transaction
from flowbuilder.store.records.search_snapshot import snapshot
from flowbuilder.values import Json, JsonObject

_WHOLE = select(*HEAD, *(column for column in values.c if column.name != "execution_id")).join(
    values, values.c.execution_id == executions.c.id
)

_ONE = _WHOLE.where(executions.c.flow_run_id == bindparam("wanted"))


class SqlExecutions(Repository):
    """What is known of executions."""

    def create_execution(self, execution: Execution) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id is there already."""
        large = {
            "inputs": storable(execution.inputs, "the inputs"),
            "site_record": storable(execution.site_record, "the site"),
            "outputs": storable(execution.outputs, "the outputs"),
            "error": storable(execution.error, "the error"),
        }
        small = _small(execution)

        def create(transaction: Transaction) -> Execution:
            there = select(versions.c.number).where(
                versions.c.workflow_id == execution.workflow, versions.c.number == execution.version
            )
            if transaction.run(there).one_or_none() is None:
                if (known := _find(transaction, execution.id)) is not None:
                    return known
                raise NotFound(f"workflow {execution.workflow} has no version {execution.version}")
            if execution.ready_at is not None and execution.ready_at <= execution.created_at:
                # at once, by the database's clock: that of another machine may be ahead
                small["ready_at"] = min(execution.ready_at, transaction.now())
            mark = transaction.mark_new(execution.id)
            insert = transaction.insert(executions).values(**small, **mark, seq=1, recorded=0)
            insert = insert.on_conflict_do_nothing(index_elements=[executions.c.flow_run_id])
            row = transaction.run(insert.returning(*HEAD)).one_or_none()
            if row is None:
                transaction.touched = None
                return found(transaction, execution.id)
            transaction.run(values.insert().values(execution_id=row.id, **large))
            data: JsonObject = {
                "workflow": execution.workflow,
                "version": execution.version,
                "digest": execution.digest,
                "inputs": execution.inputs,
                "site": execution.site,
            }
            transaction.write_counted(row, [NewEvent(type="execution_started", data=data)])
            if execution.ready_at is not None:
                transaction.announce(execution.id)
            return execution_of(row, **large)

        return self._database.write(create)

    def execution(self, execution_id: str) -> Execution:
        """One execution; `NotFound`."""
        return self._database.read(lambda transaction: found(transaction, execution_id))

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen."""
        age = (executions.c.inserted_at, executions.c.flow_run_id)

        def listed(transaction: Transaction) -> Sequence[Execution]:
            query = _chosen(where).order_by(*(column.desc() for column in age)).limit(max(limit, 0))
            if before is not None:
                last = found(transaction, before)
                query = query.where(tuple_(*age) < tuple_(literal(last.created_at, Moment), literal(last.id)))
            return tuple(execution_of(row) for row in transaction.run(query))

        return self._database.read(listed)

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Those that should be running and that nobody holds, the longest ready first."""
        free, idle = executions.c.holder.is_(None), executions.c.status.in_(("queued", "running", "waiting"))

        def due(transaction: Transaction) -> Sequence[Execution]:
            now, most = transaction.now(), max(limit, 0)
            asked = _WHOLE.where(free, idle, executions.c.ready_at <= now).order_by(executions.c.ready_at)
            lapsed = _WHOLE.where(~free, idle, executions.c.lease_until <= now).order_by(executions.c.lease_until)
            rows = [(row.ready_at, row.flow_run_id, row) for row in transaction.run(asked.limit(most))]
            rows += [(row.lease_until, row.flow_run_id, row) for row in transaction.run(lapsed.limit(most))]
            rows.sort(key=lambda item: item[:2])
            return tuple(execution_of(row) for _, _, row in rows[:most])

        return self._database.read(due)


def found(transaction: Transaction, execution_id: str) -> Execution:
    """One execution; `NotFound`."""
    if (execution := _find(transaction, execution_id)) is None:
        raise NotFound(f"there is no execution {execution_id}")
    return execution


def execution_of(row: Row[Any], **more: Json) -> Execution:
    """The record of a row; `more` are values that the row does not have. Without either the large parts are empty, and
    so is what cannot be read."""
    known = {**row._mapping, **more}
    lost = unreadable(known)
    known.update(dict.fromkeys(lost))
    return Execution(
        id=row.flow_run_id,
        workflow=row.workflow_id,
        version=row.version,
        digest=row.digest,
        status=row.status,
        inputs=known.get("inputs") or {},
        site=row.site,
        site_record=known.get("site_record") or {},
        account=row.account,
        outputs=known.get("outputs"),
        error=known.get("error"),
        progress=known["progress"] or {},
        control=row.control,
        trigger=row.trigger,
        parent_execution_id=row.parent_execution_id,
        attempt=row.attempt,
        deaths=row.deaths,
        created_at=row.inserted_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ready_at=row.ready_at,
        lease_until=row.lease_until,
        holder=row.holder,
        epoch=row.epoch,
        damaged=damage(_tables(lost), f"execution {row.flow_run_id}", lost) if lost else "",
    )


def _tables(columns: list[str]) -> str:
    named = [table.name for table in (executions, values) if any(column in table.c for column in columns)]
    return " and ".join(named)


def _find(transaction: Transaction, execution_id: str) -> Execution | None:
    row = transaction.run(_ONE, {"wanted": execution_id}).one_or_none()
    return None if row is None else execution_of(row)


def _chosen(where: ExecutionFilter) -> Select[Any]:
    query = _WHOLE
    for column, wanted in (
        (executions.c.workflow_id, where.workflow),
        (executions.c.site, where.site),
        (executions.c.account, where.account),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if where.statuses is not None:
        query = query.where(executions.c.status.in_(sorted(where.statuses)))
    return query


def _small(execution: Execution) -> dict[str, Any]:
    return {
        "flow_run_id": execution.id,
        "workflow_id": execution.workflow,
        "version": execution.version,
        "digest": execution.digest,
        "status": execution.status,
        "site": execution.site,
        "account": execution.account,
        "progress": execution.progress,
        "control": execution.control,
        "wished_by": "",
        "trigger": execution.trigger,
        "parent_execution_id": execution.parent_execution_id,
        "attempt": execution.attempt,
        "deaths": execution.deaths,
        "inserted_at": execution.created_at,
        "started_at": execution.started_at,
        "ended_at": execution.ended_at,
        "ready_at": execution.ready_at,
        "lease_until": execution.lease_until,
        "holder": execution.holder,
        "epoch": execution.epoch,
        "context_snapshot": snapshot(
            inputs=execution.inputs, site=execution.site, outputs=execution.outputs, error=execution.error
        ),
    }
