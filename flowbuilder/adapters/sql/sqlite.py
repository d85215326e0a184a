"""Runs a statement on a SQLite file: read-only by mode, pragma and authorizer, or as a transaction that writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote

from flowbuilder.adapters.sql.failures import of_sqlite, surely
from flowbuilder.adapters.sql.rows import MAX_BYTES, answer_of
from flowbuilder.adapters.sql.running import GivenUp, Progress
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.sql import SqlAnswer, SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.values import MAX_INT, MIN_INT, Json

MARKER = "flowbuilder_schema"
"""The table by which flowbuilder's own database is known."""
STEPS = 10_000
"""Number of instructions of SQLite after which a query looks whether it should end."""
BUSY_MILLISECONDS = 50
PRAGMAS = frozenset(
    {
        "application_id", "collation_list", "compile_options", "data_version", "encoding", "foreign_key_list",
        "function_list", "index_info", "index_list", "index_xinfo", "page_count", "page_size", "schema_version",
        "table_info", "table_list", "table_xinfo", "user_version",
    }
)  # fmt: skip
"""Pragmas that only read, where they are given no value."""
_LIMIT_LENGTH, _OK, _DENY, _FULL = 0, 0, 1, 13
_FUNCTION, _SELECT, _READ, _RECURSIVE, _PRAGMA = 31, 21, 20, 33, 19
_TRANSACTION, _ATTACH, _DETACH, _SAVEPOINT = 22, 24, 25, 32
_CHANGES = frozenset({9, 18, 23})
"""DELETE, INSERT and UPDATE."""
_OF_RTREE = ("_node", "_parent", "_rowid")
"""How the tables of an R-tree end. Reading one compiles statements that would change them; they are run by a write
only, since the file is opened read-only and `query_only` is on."""
_NEVER = frozenset({"load_extension", "writefile", "edit", "fts3_tokenizer"})

Open = Callable[[Any], Any]
"""Opens a connection with a driver: `Open(module)`."""


def execute(request: SqlRequest, progress: Progress, open_with: Open) -> SqlAnswer:
    """Run the statement; blocks. Errors are `definitive` unless a commit failed in a way that leaves it in doubt."""
    module, _ = library()
    name, writes = request.connection, request.writes
    parameters = {key: _bound(key, value) for key, value in request.parameters.items()}
    committing = False
    try:
        with closing(open_with(module)) as connection:
            _set_up(connection, progress, name, writes=writes)
            try:
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                connection.set_authorizer(_Authorizer(writes))
                cursor = connection.execute(request.statement.text, parameters)
                columns = [item[0] for item in cursor.description or ()]
                answer = answer_of(request, columns, cursor, drain=writes)
                cursor.close()
                changed = answer.row_count
                connection.set_authorizer(None)
                if writes:
                    (changed,) = connection.execute("SELECT changes()").fetchone()
                    progress.begin_commit()
                    committing = True
                    connection.execute("COMMIT")
            except BaseException as problem:
                # where the disk is full, SQLite has rolled the transaction back itself, also in its commit
                committing = committing and getattr(problem, "sqlite_errorcode", None) != _FULL
                connection.set_authorizer(None)
                connection.set_progress_handler(None, 0)
                if connection.in_transaction:
                    with suppress(module.Error):
                        connection.execute("ROLLBACK")
                        committing = False
                raise
    except (module.Error, module.Warning) as problem:
        error = of_sqlite(name, problem, writes=writes)
        if progress.is_over and error.code == "timeout":
            raise GivenUp from None
        raise (error if committing else surely(error)) from None
    except StepError as problem:
        raise surely(problem) from None
    return SqlAnswer(columns=answer.columns, rows=answer.rows, row_count=changed, truncated=answer.truncated)


def file_opener(file: str, *, writes: bool) -> Open:
    """What opens a file; it is never created."""
    address = f"file:{quote(file)}?mode={'rw' if writes else 'ro'}"

    def opened(module: Any) -> Any:
        return module.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=0)

    return opened


def _set_up(connection: Any, progress: Progress, name: str, *, writes: bool) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    progress.interrupt_with(connection.interrupt)
    if hasattr(connection, "setlimit"):  # pysqlite3 has none
        connection.setlimit(_LIMIT_LENGTH, MAX_BYTES)
    connection.set_progress_handler(lambda: progress.is_over, STEPS)
    left = int(progress.seconds_left * 1000)
    connection.execute(f"PRAGMA busy_timeout={max(left - BUSY_MILLISECONDS, 1)}")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA foreign_keys=ON")
    if not writes:
        connection.execute("PRAGMA query_only=ON")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (MARKER,)).fetchone():
        raise own_database(name)


def own_database(name: str) -> ConfigurationError:
    """The error for a connection to a database of flowbuilder: approvals and effects are recorded there."""
    return ConfigurationError(
        f"database {name} is flowbuilder's own; no step may read or write it. Name another database"
    )


class _Authorizer:
    """Decides about each part of a statement while SQLite compiles it."""

    def __init__(self, writes: bool) -> None:
        self._writes = writes

    def __call__(
        self, action: int, one: str | None, two: str | None, _database: str | None, _source: str | None
    ) -> int:
        if action == _FUNCTION:
            return _DENY if (two or "").lower() in _NEVER else _OK
        if action == _PRAGMA:
            plain = two is None or (one or "").lower().endswith(("_info", "_xinfo", "_list"))
            return _OK if (one or "").lower() in PRAGMAS and plain else _DENY
        if self._writes:
            return _DENY if action in (_TRANSACTION, _ATTACH, _DETACH, _SAVEPOINT) else _OK
        if action in _CHANGES and (one or "").endswith(_OF_RTREE):
            return _OK
        return _OK if action in (_SELECT, _READ, _RECURSIVE) else _DENY


def _bound(name: str, value: Json) -> Any:
    """A parameter for the driver: lists and objects are their JSON text, for `json_each(:ids)`."""
    if isinstance(value, int) and not MIN_INT <= value <= MAX_INT:
        raise surely(StepError(f"the parameter {name} is an integer beyond 64 bit", code="invalid_field"))
    if isinstance(value, Mapping | list | tuple):
        from flowbuilder.adapters.sql.parameters import bytes_of

        content = bytes_of(name, value)
        return json.dumps(value, ensure_ascii=False) if content is None else content
    return value
