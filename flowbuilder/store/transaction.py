"""One transaction: statements, the time, and the fence around an execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, CursorResult, Executable, Row, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from flowbuilder.errors import NotFound
from flowbuilder.events import NewEvent
from flowbuilder.execution import TERMINAL, Lease
from flowbuilder.holding import lost
from flowbuilder.ports import Clock
from flowbuilder.store.kinds import Moment, stored
from flowbuilder.store.postgres import notify
from flowbuilder.store.tables import events as event_rows
from flowbuilder.store.tables import executions


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """The execution that a transaction writes for, and the mark that it leaves there."""

    execution_id: str
    revision: int
    token: str


class Transaction:
    """What a unit of work works on. `touched` is the execution that it writes for, once it does."""

    def __init__(self, connection: Connection, *, on_postgres: bool, clock: Clock | None) -> None:
        self.on_postgres = on_postgres
        self.touched: Touched | None = None
        self.connection = connection
        self._clock = clock
        self._now: datetime | None = None
        self._seq = 0

    def run(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Execute a statement."""
        return self.connection.execute(statement, values)

    def now(self) -> datetime:
        """One moment for the whole transaction, of the database's clock where it has one."""
        if self._now is None:
            if self._clock is not None:
                self._now = self._clock.now()
            elif self.on_postgres:
                self._now = self.connection.scalar(select(_SERVER_TIME))
            else:
                self._now = datetime.now(UTC)
        assert self._now is not None
        return self._now

    def insert(self, table: Table) -> Any:
        """An insert of this database's dialect, which knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return postgresql.insert(table) if self.on_postgres else sqlite.insert(table)

    def fence(self, lease: Lease, *, more: int = 0, recorded: int = 0) -> Row[Any]:
        """Take the lock of the lease's execution and give its row; `LostLease` when the lease is no longer the row's.

        Compare-and-set: nothing is read before. `more` is the number of events that are going to be written, with the
        numbers up to the row's new `seq`; `recorded` the number of outcomes.
        """
        row = self._touch(_FENCE, {"wanted": lease.execution_id, "held": lease.epoch, "more": more, "new": recorded})
        if row is None:
            raise lost(lease)
        return row

    def lock(self, execution_id: str, *, more: int = 0) -> Row[Any]:
        """Take the lock of an execution for what needs no lease, and give its row; `NotFound`."""
        row = self._touch(_LOCK, {"wanted": execution_id, "more": more, "new": 0})
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row

    def change(self, number: int, **values: Any) -> None:
        """Give the execution's row new values."""
        self.run(update(executions).where(executions.c.id == number).values(**values))

    def write(self, row: Row[Any], events: Sequence[NewEvent], *, epoch: int | None = None) -> int:
        """Write events with the next numbers; returns the last. `epoch` where it is not the row's any more."""
        if not events:
            return self._seq
        self.run(_COUNT_ON, {"number": row.id, "more": len(events)})
        self._seq += len(events)
        self.write_counted(row, events, epoch=epoch)
        return self._seq

    def write_counted(self, row: Row[Any], events: Sequence[NewEvent], *, epoch: int | None = None) -> None:
        """Write events whose numbers the row's `seq` counts already."""
        first = self._seq - len(events) + 1
        self.run(
            _EVENTS,
            [
                {
                    "execution_id": row.id,
                    "seq": first + index,
                    "epoch": row.epoch if epoch is None else epoch,
                    "inserted_at": self.now(),
                    "type": event.type,
                    "path": event.path,
                    "payload": stored(event.data, "event"),
                }
                for index, event in enumerate(events)
            ],
        )

    def announce(self, execution_id: str) -> None:
        """Tell those who listen that an execution is ready, when this is committed."""
        if self.on_postgres:
            notify(self.connection, execution_id)

    def mark_new(self, execution_id: str) -> Mapping[str, Any]:
        """The mark of a transaction that makes an execution."""
        self.touched = Touched(execution_id=execution_id, revision=1, token=uuid4().hex)
        self._seq = 1
        return {"revision": 1, "written_by": self.touched.token}

    def _touch(self, statement: ReturningUpdate[Any], values: dict[str, Any]) -> Row[Any] | None:
        token = uuid4().hex
        row = self.run(
            statement if not self.on_postgres else _TIMED[statement], {**values, "token": token}
        ).one_or_none()
        if row is not None:
            self.touched = Touched(execution_id=values["wanted"], revision=row.revision, token=token)
            self._seq = row.seq
            if self._clock is None and self.on_postgres:
                self._now = row.server_time
        return row


_SERVER_TIME = func.clock_timestamp(type_=Moment).label("server_time")
HEAD = [column for column in executions.c if column.name != "context_snapshot"]
_LOCK_ALONE = (
    update(executions)
    .where(executions.c.flow_run_id == bindparam("wanted"))
    .values(
        revision=executions.c.revision + 1,
        written_by=bindparam("token"),
        seq=executions.c.seq + bindparam("more"),
        recorded=executions.c.recorded + bindparam("new"),
    )
)
_FENCE_ALONE = _LOCK_ALONE.where(executions.c.epoch == bindparam("held"), executions.c.status.not_in(sorted(TERMINAL)))
_LOCK, _FENCE = _LOCK_ALONE.returning(*HEAD), _FENCE_ALONE.returning(*HEAD)
_TIMED = {_LOCK: _LOCK_ALONE.returning(*HEAD, _SERVER_TIME), _FENCE: _FENCE_ALONE.returning(*HEAD, _SERVER_TIME)}
_COUNT_ON = (
    update(executions).where(executions.c.id == bindparam("number")).values(seq=executions.c.seq + bindparam("more"))
)
_EVENTS = event_rows.insert()
