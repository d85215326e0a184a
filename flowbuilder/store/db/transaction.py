"""One transaction: statements, its time, and the fence around an execution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
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

from flowbuilder.errors import NotFound
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Lease
from flowbuilder.model.lease_rules import lost_lease
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import Clock
from flowbuilder.store.db.column_types import UtcDateTime
from flowbuilder.store.db.prepared_statements import Prepared
from flowbuilder.store.db.tables import events_table, executions_table


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The differences between SQLite and PostgreSQL inside a transaction.

    `has_clock`: statements return the server's time. `insert` has `on_conflict_do_nothing` and `on_conflict_do_update`.
    `notify` announces an execution id when the transaction commits. `position` is the SQL function for the place of a
    text in a text.
    """

    has_clock: bool
    insert: Callable[[Table], Any]
    notify: Callable[[Connection, str], None]
    position: Callable[..., ColumnElement[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitMark:
    """The mark that a transaction writes into the row of its execution, by which a commit whose answer was lost is
    recognised."""

    execution_id: str
    revision: int
    token: str


class LockedExecution(NamedTuple):
    """The part of a locked execution's row that recording an outcome or events needs. `first_seq` is the number of the
    first event and `recorded` the number of outcomes, with those that are about to be written."""

    id: int
    epoch: int
    first_seq: int
    recorded: int
    deaths: int


class Transaction:
    """One transaction, as a unit of work sees it. `commit_mark` is set once it locks or inserts an execution."""

    def __init__(self, connection: Connection, *, dialect: Dialect, clock: Clock | None) -> None:
        self.connection = connection
        self.dialect = dialect
        self.commit_mark: CommitMark | None = None
        self._statements = _WITH_SERVER_TIME if dialect.has_clock else _WITHOUT_TIME
        self._clock = clock
        self._now: datetime | None = None
        self._seq = 0

    def execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Execute a statement."""
        return self.connection.execute(statement, values)

    def now(self) -> datetime:
        """One moment for the whole transaction, by the database's clock if it has one."""
        if self._now is None:
            if self._clock is not None:
                self._now = self._clock.now()
            elif self.dialect.has_clock:
                self._now = self.connection.scalar(select(_SERVER_TIME))
            else:
                self._now = datetime.now(UTC)
        assert self._now is not None
        return self._now

    def insert(self, table: Table) -> Any:
        """An insert that may handle conflicts (upsert)."""
        return self.dialect.insert(table)

    def fence(self, lease: Lease) -> Row[Any]:
        """Lock the lease's execution and return its row; `LostLease` when the lease is no longer the row's.

        Compare-and-set: nothing is read before.
        """
        row = self._lock(self._statements.fence, {"wanted": lease.execution_id, "held": lease.epoch})
        if row is None:
            raise lost_lease(lease)
        return row

    def fence_and_count(self, lease: Lease, *, events: int = 0, outcomes: int = 0) -> LockedExecution:
        """`fence`, and add to the row's counts of events and outcomes in the same statement.

        The events are then written with `write_events(..., first_seq=locked.first_seq)`.
        """
        token = uuid4().hex
        parameters = {
            "wanted": lease.execution_id,
            "held": lease.epoch,
            "token": token,
            "events": events,
            "outcomes": outcomes,
        }
        row = self._statements.fence_and_count.run(self.connection, parameters).one_or_none()
        if row is None:
            raise lost_lease(lease)
        self._locked(lease.execution_id, row, token)
        return LockedExecution(
            id=row.id,
            epoch=lease.epoch,
            first_seq=row.seq - events + 1,
            recorded=row.recorded,
            deaths=row.deaths,
        )

    def lock(self, execution_id: str) -> Row[Any]:
        """Lock an execution for a write that needs no lease, and return its row; `NotFound`."""
        row = self._lock(self._statements.lock, {"wanted": execution_id})
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        return row

    def update_execution(self, row_id: int, **values: Any) -> None:
        """Update columns of the execution's row."""
        self.execute(update(executions_table).where(executions_table.c.id == row_id).values(**values))

    def write_events(
        self,
        row: LockedExecution | Row[Any],
        events: Sequence[NewEvent],
        *,
        first_seq: int | None = None,
        epoch: int | None = None,
    ) -> None:
        """Insert events of a locked execution. They are numbered from `first_seq` when the row's count includes them
        already, else the count is raised here. `epoch` is given where the row's epoch has changed since it was read."""
        if not events:
            return
        if first_seq is None:
            self.execute(_ADD_TO_SEQ, {"number": row.id, "more": len(events)})
            first_seq = self._seq + 1
            self._seq += len(events)
        _INSERT_EVENTS.run(
            self.connection,
            *(
                {
                    "execution_id": row.id,
                    "seq": seq,
                    "epoch": row.epoch if epoch is None else epoch,
                    "inserted_at": self.now(),
                    "type": event.type,
                    "path": event.path,
                    "payload": storable(event.data, "event"),
                }
                for seq, event in enumerate(events, start=first_seq)
            ),
        )

    def notify_ready(self, execution_id: str) -> None:
        """Notify listeners, when this transaction commits, that an execution is ready."""
        self.dialect.notify(self.connection, execution_id)

    def mark_new(self, execution_id: str) -> Mapping[str, Any]:
        """The commit mark of a transaction that inserts an execution, as column values."""
        self.commit_mark = CommitMark(execution_id=execution_id, revision=1, token=uuid4().hex)
        self._seq = 1
        return {"revision": 1, "written_by": self.commit_mark.token}

    def _lock(self, statement: Executable, parameters: dict[str, Any]) -> Row[Any] | None:
        token = uuid4().hex
        row = self.execute(statement, {**parameters, "token": token}).one_or_none()
        if row is not None:
            self._locked(parameters["wanted"], row, token)
        return row

    def _locked(self, execution_id: str, row: Row[Any], token: str) -> None:
        self.commit_mark = CommitMark(execution_id=execution_id, revision=row.revision, token=token)
        self._seq = row.seq
        if self.dialect.has_clock and self._clock is None:
            self._now = row.server_time.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class _Statements:
    """The statements that lock an execution's row and return it."""

    lock: Executable
    fence: Executable
    fence_and_count: Prepared


HEAD = [column for column in executions_table.c if column.name != "context_snapshot"]
"""The columns of an execution's row that are read."""
_SERVER_TIME = func.clock_timestamp(type_=UtcDateTime).label("server_time")
_OPEN = text("workflow_executions.status NOT IN ({})".format(", ".join(f"'{status}'" for status in sorted(TERMINAL))))
_LOCK = (
    update(executions_table)
    .where(executions_table.c.flow_run_id == bindparam("wanted"))
    .values(revision=executions_table.c.revision + literal_column("1"), written_by=bindparam("token"))
)
_FENCE = _LOCK.where(executions_table.c.epoch == bindparam("held"), _OPEN)
_FENCE_AND_COUNT = _FENCE.values(
    seq=executions_table.c.seq + bindparam("events"), recorded=executions_table.c.recorded + bindparam("outcomes")
)
_COUNTED = [executions_table.c[name] for name in ("id", "seq", "recorded", "revision", "deaths")]
_ADD_TO_SEQ = (
    update(executions_table)
    .where(executions_table.c.id == bindparam("number"))
    .values(seq=executions_table.c.seq + bindparam("more"))
)
_INSERT_EVENTS = Prepared(events_table.insert(), events_table.c.keys())


def _statements(*time: ColumnElement[Any]) -> _Statements:
    return _Statements(
        lock=_LOCK.returning(*HEAD, *time),
        fence=_FENCE.returning(*HEAD, *time),
        fence_and_count=Prepared(_FENCE_AND_COUNT.returning(*_COUNTED, *time)),
    )


_WITHOUT_TIME = _statements()
_WITH_SERVER_TIME = _statements(_SERVER_TIME)
