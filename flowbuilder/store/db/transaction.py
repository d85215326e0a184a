"""One transaction: statements, the time, and the fence around an execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Row,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from flowbuilder.errors import NotFound
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Lease
from flowbuilder.model.lease_rules import lost
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import Clock
from flowbuilder.store.db.column_types import Moment
from flowbuilder.store.db.postgres import notify
from flowbuilder.store.db.prepared_statements import Prepared
from flowbuilder.store.db.tables import events as event_rows
from flowbuilder.store.db.tables import executions


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """The execution that a transaction writes for, and the mark that it leaves there."""

    execution_id: str
    revision: int
    token: str


class Grip(NamedTuple):
    """What a write of every step needs to know of the execution it is for. `seq` and `recorded` count it in."""

    id: int
    seq: int
    recorded: int
    revision: int
    deaths: int
    epoch: int


class Held(Protocol):
    """An execution that the transaction has the lock of."""

    @property
    def id(self) -> int:
        """The number of its row."""

    @property
    def epoch(self) -> int:
        """The epoch of its row."""


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

    def fence(self, lease: Lease) -> Row[Any]:
        """Take the lock of the lease's execution and give its row; `LostLease` when the lease is no longer the row's.

        Compare-and-set: nothing is read before.
        """
        row = self._touch(_FENCE, {"wanted": lease.execution_id, "held": lease.epoch})
        if row is None:
            raise lost(lease)
        return row

    def advance(self, lease: Lease, *, events: int = 0, outcomes: int = 0) -> Grip:
        """The same for a write of every step, in one statement: the counts of events and outcomes grow with it.

        The events are then written with `write_counted`.
        """
        token = uuid4().hex
        found = (_TIMED_ADVANCE if self.on_postgres else _ADVANCE).run(
            self.connection,
            {
                "wanted": lease.execution_id,
                "held": lease.epoch,
                "token": token,
                "events": events,
                "outcomes": outcomes,
            },
        ).one_or_none()  # fmt: skip
        if found is None:
            raise lost(lease)
        grip = Grip._make((*found[: len(_GRIP)], lease.epoch))
        self._touched(lease.execution_id, grip.revision, token, grip.seq, *found[len(_GRIP) :])
        return grip

    def lock(self, execution_id: str) -> Row[Any]:
        """Take the lock of an execution for what needs no lease, and give its row; `NotFound`."""
        row = self._touch(_LOCK, {"wanted": execution_id})
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row

    def change(self, number: int, **values: Any) -> None:
        """Give the execution's row new values."""
        self.run(update(executions).where(executions.c.id == number).values(**values))

    def write(self, row: Held | Row[Any], events: Sequence[NewEvent], *, epoch: int | None = None) -> int:
        """Write events with the next numbers; returns the last. `epoch` where it is not the row's any more."""
        if not events:
            return self._seq
        self.run(_COUNT_ON, {"number": row.id, "more": len(events)})
        self._seq += len(events)
        self.write_counted(row, events, epoch=epoch)
        return self._seq

    def write_counted(self, row: Held | Row[Any], events: Sequence[NewEvent], *, epoch: int | None = None) -> None:
        """Write events whose numbers the row's `seq` counts already."""
        if not events:
            return
        first = self._seq - len(events) + 1
        _EVENTS.run(
            self.connection,
            *(
                {
                    "execution_id": row.id,
                    "seq": first + index,
                    "epoch": row.epoch if epoch is None else epoch,
                    "inserted_at": self.now(),
                    "type": event.type,
                    "path": event.path,
                    "payload": storable(event.data, "event"),
                }
                for index, event in enumerate(events)
            ),
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

    def _touch(self, statements: tuple[Executable, Executable], values: dict[str, Any]) -> Row[Any] | None:
        token = uuid4().hex
        row = self.run(statements[self.on_postgres], {**values, "token": token}).one_or_none()
        if row is not None:
            time = (row.server_time,) if self.on_postgres else ()
            self._touched(values["wanted"], row.revision, token, row.seq, *time)
        return row

    def _touched(
        self, execution_id: str, revision: int, token: str, seq: int, server_time: datetime | None = None
    ) -> None:
        self.touched = Touched(execution_id=execution_id, revision=revision, token=token)
        self._seq = seq
        if self._clock is None and server_time is not None:
            self._now = server_time.astimezone(UTC)


HEAD = [column for column in executions.c if column.name != "context_snapshot"]
_SERVER_TIME = func.clock_timestamp(type_=Moment).label("server_time")
_LOCK_ALONE = (
    update(executions)
    .where(executions.c.flow_run_id == bindparam("wanted"))
    .values(revision=executions.c.revision + literal_column("1"), written_by=bindparam("token"))
)
_OPEN = text("workflow_executions.status NOT IN ({})".format(", ".join(f"'{status}'" for status in sorted(TERMINAL))))
_FENCE_ALONE = _LOCK_ALONE.where(executions.c.epoch == bindparam("held"), _OPEN)
_LOCK = (_LOCK_ALONE.returning(*HEAD), _LOCK_ALONE.returning(*HEAD, _SERVER_TIME))
_FENCE = (_FENCE_ALONE.returning(*HEAD), _FENCE_ALONE.returning(*HEAD, _SERVER_TIME))
_GRIP = [executions.c[name] for name in ("id", "seq", "recorded", "revision", "deaths")]
_ADVANCE_ALONE = _FENCE_ALONE.values(
    seq=executions.c.seq + bindparam("events"), recorded=executions.c.recorded + bindparam("outcomes")
)
_ADVANCE = Prepared(_ADVANCE_ALONE.returning(*_GRIP))
_TIMED_ADVANCE = Prepared(_ADVANCE_ALONE.returning(*_GRIP, _SERVER_TIME))
_COUNT_ON = (
    update(executions).where(executions.c.id == bindparam("number")).values(seq=executions.c.seq + bindparam("more"))
)
_EVENTS = Prepared(event_rows.insert(), event_rows.c.keys())
