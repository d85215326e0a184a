"""Runs a statement on PostgreSQL: in a read-only transaction, or in one that writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from select import select
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format, TransactionStatus

from flowbuilder.adapters.sql.failures import not_connected, of_postgres, surely
from flowbuilder.adapters.sql.postgres_values import CONTEXT, parameter
from flowbuilder.adapters.sql.rows import answer_of
from flowbuilder.adapters.sql.running import GRACE_SECONDS, GivenUp, Progress
from flowbuilder.adapters.sql.sqlite import MARKER, own_database
from flowbuilder.errors import StepError
from flowbuilder.ports.sql import SqlAnswer, SqlRequest

CONNECT_SECONDS = 10
"""Longest time in which a connection must be made."""
SHARE = 0.9
"""The share of the time after which the server itself ends a statement."""
_POLL_SECONDS = 0.2
_OWN = f"SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = '{MARKER}' AND relkind = 'r')"  # noqa: S608
_SETTINGS = {
    "lock_timeout": "0",
    "timezone": "'UTC'",
    "datestyle": "'ISO'",
    "intervalstyle": "'iso_8601'",
    "bytea_output": "'hex'",
    "standard_conforming_strings": "on",
}


def execute(request: SqlRequest, progress: Progress, arguments: Mapping[str, str]) -> SqlAnswer:
    """Run the statement; blocks. Errors are `definitive` unless a commit was sent and not answered. `arguments` are
    those of libpq."""
    name, writes = request.connection, request.writes
    values = [parameter(key, request.parameters[key]) for key in request.statement.names]
    connection = _connected(name, progress, arguments)
    committing = False
    try:
        progress.interrupt_with(lambda: connection.cancel_safe(timeout=GRACE_SECONDS / 2))
        session = _Session(connection, progress)
        session.begin(name, writes=writes)
        answer = session.run(request, values)
        if writes:
            progress.begin_commit()
            committing = True
            session.commit()
    except psycopg.Error as problem:
        # an ERROR in answer to a COMMIT says that it was rolled back; a FATAL one, or none, says nothing
        sure = not committing or problem.diag.severity_nonlocalized == "ERROR"
        if progress.is_over and sure:
            raise GivenUp from None
        error = of_postgres(name, problem, writes=writes)
        raise (surely(error) if sure else error) from None
    except StepError as problem:
        raise surely(problem) from None
    finally:
        connection.close()
    return answer


def _connected(name: str, progress: Progress, arguments: Mapping[str, str]) -> psycopg.Connection[Any]:
    seconds = progress.seconds_left
    wanted: dict[str, Any] = {
        "connect_timeout": str(max(2, min(CONNECT_SECONDS, int(seconds)))),
        "tcp_user_timeout": str(int(seconds * 1000)),
        "application_name": "flowbuilder",
        # where the connection says neither, libpq would take them from its environment variables
        "hostaddr": "",
        "port": "5432",
        **arguments,
        "client_encoding": "UTF8",
    }
    try:
        return psycopg.connect(autocommit=True, context=CONTEXT, **wanted)
    except (psycopg.Error, UnicodeError) as problem:
        raise not_connected(name, problem) from None


class _Session:
    """A connection with one transaction. It is driven below psycopg's cursors: these keep a whole result in memory, and
    take several statements where there are no parameters."""

    def __init__(self, connection: psycopg.Connection[Any], progress: Progress) -> None:
        self._server = connection.pgconn
        self._progress = progress
        self._values = Transformer(connection)
        self._changed = 0

    def begin(self, name: str, *, writes: bool) -> None:
        milliseconds = max(1, int(self._progress.seconds_left * SHARE * 1000))
        timeouts = {
            "statement_timeout": str(milliseconds),
            "idle_in_transaction_session_timeout": str(milliseconds + 10_000),
        }
        local = "".join(f"; SET LOCAL {key} = {value}" for key, value in {**_SETTINGS, **timeouts}.items())
        self._server.send_query(f"BEGIN READ {'WRITE' if writes else 'ONLY'}{local}; {_OWN}".encode())
        *_, last = self._results()
        if last.get_value(0, 0) == b"t":
            raise own_database(name)

    def run(self, request: SqlRequest, values: list[Any]) -> SqlAnswer:
        positions = {name: str(number) for number, name in enumerate(request.statement.names, start=1)}
        text = request.statement.with_placeholders(lambda name: f"${positions[name]}")
        sent = self._values.dump_sequence(values, [PyFormat.AUTO] * len(values))
        self._server.send_query_params(
            text.encode(), sent, self._values.types, self._values.formats, result_format=Format.TEXT
        )
        self._server.set_single_row_mode()
        results = self._results()
        first = next(results)
        if first.status == ExecStatus.COMMAND_OK:
            self._ensure_transaction()
            return SqlAnswer(row_count=first.command_tuples or 0)
        columns = [(first.fname(index) or b"").decode("utf-8", "replace") for index in range(first.nfields)]
        self._values.set_pgresult(first)
        answer = answer_of(request, columns, self._rows(first, results), drain=request.writes)
        if not request.writes:
            return answer
        self._ensure_transaction()
        return SqlAnswer(columns=answer.columns, rows=answer.rows, row_count=self._changed, truncated=answer.truncated)

    def commit(self) -> None:
        self._server.send_query(b"COMMIT")
        *_, last = self._results()
        if last.command_status != b"COMMIT":
            raise StepError("the database rolled the write back", code="sql_refused")

    def _rows(self, first: pq.abc.PGresult, results: Iterator[pq.abc.PGresult]) -> Iterator[Any]:
        found: pq.abc.PGresult | None = first
        while found is not None:
            if found.status == ExecStatus.TUPLES_OK:
                self._changed = found.command_tuples or 0
            self._values.set_pgresult(found, set_loaders=False)
            yield from (self._values.load_row(row, tuple) for row in range(found.ntuples))
            found = next(results, None)

    def _ensure_transaction(self) -> None:
        for _ in self._results():
            continue
        if self._server.transaction_status != TransactionStatus.INTRANS:
            raise StepError("the statement ended its own transaction", code="sql_refused")

    def _results(self) -> Iterator[pq.abc.PGresult]:
        """The results of what was sent. The wait for each ends when the query should end."""
        while self._server.flush():
            self._wait(writing=True)
        while True:
            while self._server.is_busy():
                self._wait()
                self._server.consume_input()
            found = self._server.get_result()
            if found is None:
                return
            if found.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH):
                raise StepError("COPY from or to the client is no statement of a step", code="sql_refused")
            if found.status not in (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE, ExecStatus.COMMAND_OK):
                raise error_from_result(found)
            yield found

    def _wait(self, *, writing: bool = False) -> None:
        socket = self._server.socket
        while not any(select([socket], [socket] if writing else [], [], _POLL_SECONDS)):
            if self._progress.is_late:
                raise psycopg.OperationalError("no answer")
        if writing:
            self._server.consume_input()
