"""Executions: insert, read, list, and those that are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, literal, select, tuple_

from flowbuilder.errors import NotFound
from flowbuilder.model.execution import Execution
from flowbuilder.model.lease_rules import started_event
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import ExecutionFilter
from flowbuilder.store.db.column_types import UtcDateTime
from flowbuilder.store.db.corruption import damage_message, unreadable_columns
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import executions_table, sensitive_table, values_table, versions_table
from flowbuilder.store.db.transaction import HEAD, Transaction
from flowbuilder.values import Json, JsonObject

_WITH_VALUES = select(*HEAD, *(column for column in values_table.c if column.name != "execution_id")).join(
    values_table, values_table.c.execution_id == executions_table.c.id
)
_ONE = _WITH_VALUES.where(executions_table.c.flow_run_id == bindparam("wanted"))

_LONGEST_TEXT = 200
_MOST_VALUES = 64


class SqlExecutions(Repository):
    """Executions. Their large values are in a table of their own, apart from the row that every write updates."""

    def create_execution(
        self, execution: Execution, *, sensitive: JsonObject | None = None, held: str = ""
    ) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id exists already."""
        kept = None if sensitive is None else storable(sensitive, "the sensitive inputs")
        large = {
            "inputs": storable(execution.inputs, "the inputs"),
            "site_record": storable(execution.site_record, "the site"),
            "outputs": storable(execution.outputs, "the outputs"),
            "error": storable(execution.error, "the error"),
        }
        columns = _columns(execution)

        def create(transaction: Transaction) -> Execution:
            version = versions_table.c
            known_version = select(version.number).where(
                version.workflow_id == execution.workflow, version.number == execution.version
            )
            if transaction.execute(known_version).one_or_none() is None:
                if (known := _find(transaction, execution.id)) is not None:
                    return known
                raise NotFound(f"workflow {execution.workflow} has no version {execution.version}")
            if execution.ready_at is not None and execution.ready_at <= execution.created_at:
                # ready now, by the database's clock: that of another machine may be ahead
                columns["ready_at"] = min(execution.ready_at, transaction.now())
            mark = transaction.mark_new(execution.id)
            insert = transaction.insert(executions_table).values(**columns, **mark, seq=1, recorded=0)
            insert = insert.on_conflict_do_nothing(index_elements=[executions_table.c.flow_run_id])
            row = transaction.execute(insert.returning(*HEAD)).one_or_none()
            if held:
                transaction.execute(sensitive_table.delete().where(sensitive_table.c.key == held))
            if row is None:
                transaction.commit_mark = None
                return read_execution(transaction, execution.id)
            transaction.execute(values_table.insert().values(execution_id=row.id, **large))
            transaction.write_events(row, [started_event(execution, sensitive)], first_seq=1)
            if kept is not None:
                transaction.execute(sensitive_table.insert().values(key=execution.id, record=kept))
            if execution.ready_at is not None:
                transaction.notify_ready(execution.id)
            return execution_of(row, **large)

        return self._database.write(create)

    def execution(self, execution_id: str) -> Execution:
        """One execution; `NotFound`."""
        return self._database.read(lambda transaction: read_execution(transaction, execution_id))

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen."""
        age = (executions_table.c.inserted_at, executions_table.c.flow_run_id)

        def page(transaction: Transaction) -> Sequence[Execution]:
            query = _filtered(where).order_by(*(column.desc() for column in age)).limit(max(limit, 0))
            if before is not None:
                last = read_execution(transaction, before)
                query = query.where(tuple_(*age) < tuple_(literal(last.created_at, UtcDateTime), literal(last.id)))
            return tuple(execution_of(row) for row in transaction.execute(query))

        return self._database.read(page)

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Executions without a live lease that are due, the longest due first."""
        execution = executions_table.c
        free, active = execution.holder.is_(None), execution.status.in_(("queued", "running", "waiting"))

        def due(transaction: Transaction) -> Sequence[Execution]:
            now, most = transaction.now(), max(limit, 0)
            ready = _WITH_VALUES.where(free, active, execution.ready_at <= now).order_by(execution.ready_at)
            expired = _WITH_VALUES.where(~free, active, execution.lease_until <= now).order_by(execution.lease_until)
            rows = [(row.ready_at, row.flow_run_id, row) for row in transaction.execute(ready.limit(most))]
            rows += [(row.lease_until, row.flow_run_id, row) for row in transaction.execute(expired.limit(most))]
            rows.sort(key=lambda item: item[:2])
            return tuple(execution_of(row) for _, _, row in rows[:most])

        return self._database.read(due)


def read_execution(transaction: Transaction, execution_id: str) -> Execution:
    """One execution; `NotFound`."""
    if (execution := _find(transaction, execution_id)) is None:
        raise NotFound(f"there is no execution {execution_id}")
    return execution


def execution_of(row: Row[Any], **more: Json) -> Execution:
    """The record of a row. `more` are values that the row does not have. Values that are in neither, and those that
    cannot be read, are empty; `damaged` says so of the latter."""
    known = {**row._mapping, **more}
    unreadable = unreadable_columns(known)
    known.update(dict.fromkeys(unreadable))
    owner = f"execution {row.flow_run_id}"
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
        damaged=damage_message(_tables_with(unreadable), owner, unreadable) if unreadable else "",
    )


def _tables_with(columns: list[str]) -> str:
    named = [table.name for table in (executions_table, values_table) if any(column in table.c for column in columns)]
    return " and ".join(named)


def _find(transaction: Transaction, execution_id: str) -> Execution | None:
    row = transaction.execute(_ONE, {"wanted": execution_id}).one_or_none()
    return None if row is None else execution_of(row)


def _filtered(where: ExecutionFilter) -> Select[Any]:
    query = _WITH_VALUES
    for column, wanted in (
        (executions_table.c.workflow_id, where.workflow),
        (executions_table.c.site, where.site),
        (executions_table.c.account, where.account),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if where.statuses is not None:
        query = query.where(executions_table.c.status.in_(sorted(where.statuses)))
    return query


def _columns(execution: Execution) -> dict[str, Any]:
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
        "context_snapshot": search_snapshot(
            inputs=execution.inputs, site=execution.site, outputs=execution.outputs, error=execution.error
        ),
    }


def search_snapshot(
    *, inputs: JsonObject, site: str | None, outputs: Json = None, error: JsonObject | None = None
) -> JsonObject:
    """The searchable excerpt of an execution: long texts are cut, and values after the first 64 are left out."""
    left = [_MOST_VALUES]
    found: JsonObject = {"inputs": _excerpt(inputs, left)}
    if site is not None:
        found["site"] = site
    if outputs is not None:
        found["outputs"] = _excerpt(outputs, left)
    if error is not None:
        found["error"] = _excerpt(error, left)
    return found


def _excerpt(value: Json, left: list[int]) -> Json:
    left[0] -= 1
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, dict):
        return {key[:_LONGEST_TEXT]: _excerpt(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_excerpt(item, left) for item in value if left[0] > 0]
    return value
