"""The errors of databases: which pass, which last, and the reason that the server gives."""

from __future__ import annotations

import re
from typing import Any

from flowbuilder.errors import StepError, TransientError
from flowbuilder.values import JsonObject

MAX_REASON = 300
_STARTING = re.compile(
    r"starting up|shutting down|recovery mode|too many (?:clients|connections)|connection slots", re.I
)
_NO_ANSWER = re.compile(
    r"connection refused|could not translate host|name or service not known|name resolution|timeout expired|timed out"
    r"|no route to host|network is unreachable|host is down|server closed the connection|connection reset|broken pipe"
    r"|no such file or directory|failed to resolve|nodename nor servname|connection timeout",
    re.I,
)
_PASSWORD = re.compile(r"password|authentication|pg_hba\.conf|role \"|scram|sasl", re.I)
_CERTIFICATE = re.compile(r"certificate|\bssl error|does not support ssl", re.I)
_POOLING = re.compile(r"not allowed in statement pooling mode", re.I)
"""PgBouncer's reason for a transaction where `pool_mode` is `statement`."""


def reason_of(text: str) -> str:
    """What a server says, in one line of bounded length."""
    line = " ".join(text[: 8 * MAX_REASON].split())
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 1]}…"


def surely(problem: StepError) -> StepError:
    """The same error, said to be of a statement that certainly did nothing."""
    problem.definitive = True
    return problem


def not_connected(name: str, problem: BaseException) -> StepError:
    """The error for a PostgreSQL server to which no connection was made. libpq gives no SQLSTATE here."""
    said = reason_of(str(problem))
    message = f"database {name} cannot be reached: {said}"
    if _CERTIFICATE.search(said):
        return surely(StepError(message, code="tls"))
    if _STARTING.search(said):
        return surely(TransientError(message, reason="server_error"))
    if _NO_ANSWER.search(said):
        return surely(TransientError(message, reason="connection"))
    if _PASSWORD.search(said):
        return surely(StepError(f"database {name} rejected the user or the password: {said}", code="auth"))
    return surely(StepError(f"database {name} cannot be used as it is set up: {said}", code="sql_unusable"))


def of_postgres(name: str, problem: Any, *, writes: bool) -> StepError:
    """The error for a statement that PostgreSQL rejected or that was cut off; `problem` is psycopg's."""
    state, diagnosis = problem.sqlstate or "", problem.diag
    said = reason_of(diagnosis.message_primary or str(problem))
    detail: JsonObject = {"sqlstate": state or None, "reason": said}
    if diagnosis.message_hint:
        detail["hint"] = reason_of(diagnosis.message_hint)
        said = f"{said} ({detail['hint']})"
    if not state and type(problem).__name__ in ("DataError", "ProgrammingError", "NotSupportedError"):
        return StepError(f"a parameter cannot be sent: {said}", code="invalid_field")
    if _POOLING.search(said):
        hint = "a step needs a transaction: set pool_mode to transaction or session"
        return StepError(f"database {name} cannot be used: {said}; {hint}", code="sql_unusable", detail=detail)
    if state == "57014":
        return TransientError(f"database {name} took too long: {said}", reason="timeout", detail=detail)
    if state in ("40001", "40P01", "55P03") or state[:2] == "53":
        return TransientError(f"database {name} could not do it now: {said}", reason="server_error", detail=detail)
    if not state or state[:2] == "08" or state[:3] == "57P":
        return TransientError(f"the connection to database {name} broke: {said}", reason="connection", detail=detail)
    if state[:2] == "28":
        return StepError(f"database {name} rejected the user: {said}", code="auth", detail=detail)
    if state == "25006" and not writes:
        return StepError(_only_reads(name, said), code="sql_read_only", detail=detail)
    place = f", at character {diagnosis.statement_position}" if diagnosis.statement_position else ""
    return StepError(f"database {name} rejected the statement: {said}{place}", code="sql_refused", detail=detail)


def of_sqlite(name: str, problem: Exception, *, writes: bool) -> StepError:
    """The error for a statement that SQLite rejected or that was cut off."""
    code = (getattr(problem, "sqlite_errorcode", None) or 0) & 0xFF
    said = reason_of(str(problem))
    detail: JsonObject = {"reason": said}
    if code in (5, 6):  # SQLITE_BUSY, SQLITE_LOCKED
        return TransientError(f"database {name} is in use: {said}", reason="server_error", detail=detail)
    if code == 9:  # SQLITE_INTERRUPT
        return TransientError(f"database {name} took too long", reason="timeout", detail=detail)
    if code in (11, 14, 26) or (code == 8 and writes):  # SQLITE_CORRUPT, CANTOPEN, NOTADB, READONLY
        return StepError(f"database {name} cannot be used: {said}", code="sql_unusable", detail=detail)
    if code in (8, 23) and not writes:  # SQLITE_READONLY, SQLITE_AUTH
        return StepError(_only_reads(name, said), code="sql_read_only", detail=detail)
    if code in (10, 13):  # SQLITE_IOERR, SQLITE_FULL
        return TransientError(
            f"database {name} cannot be read or written: {said}", reason="server_error", detail=detail
        )
    if code == 18:  # SQLITE_TOOBIG
        return StepError(f"a value is too large for database {name}", code="too_large", detail=detail)
    return StepError(f"database {name} rejected the statement: {said}", code="sql_refused", detail=detail)


def _only_reads(name: str, said: str) -> str:
    return f"the statement would change database {name}, and the step has no effect: {said}; add effect: {{}}"
