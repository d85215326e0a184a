"""Databases that steps query: the request, the answer, and the port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from flowbuilder.ports.sql.statement import Statement
from flowbuilder.values import Json, JsonObject

__all__ = ["Databases", "SqlAnswer", "SqlRequest", "Statement", "StatementMade"]


@dataclass(frozen=True, kw_only=True)
class SqlRequest:
    """One statement for the database of a connection, with a value for each of its parameters.

    Without `writes` it runs in a read-only transaction. `row_limit` is the largest number of rows to return; `on_more`
    says whether further rows are an error or are left out. `seconds` is the time for all of it.
    """

    connection: str
    statement: Statement
    parameters: Mapping[str, Json] = field(default_factory=dict)
    row_limit: int = 1000
    on_more: Literal["fail", "stop"] = "fail"
    seconds: float = 30.0
    writes: bool = False


@dataclass(frozen=True, kw_only=True)
class SqlAnswer:
    """The rows by column name. `row_count`: their number, or the number of rows that a write changed. `truncated`:
    there are more rows than the request's `row_limit`."""

    columns: tuple[str, ...] = ()
    rows: tuple[JsonObject, ...] = ()
    row_count: int = 0
    truncated: bool = False


class StatementMade(Exception):
    """The cause of a `CancelledError`: the statement had ended, and a write was committed, before its caller was
    cancelled."""

    def __init__(self, answer: SqlAnswer) -> None:
        super().__init__("the statement was made")
        self.answer = answer


class Databases(Protocol):
    """The databases that an administrator has set up as connections."""

    async def execute(self, request: SqlRequest) -> SqlAnswer:
        """Run the statement in a transaction of its own. `StepError` or `TransientError` when it fails: `definitive`
        unless a commit was sent and no answer to it came back. `ConfigurationError` for a connection that is no
        database. Where the caller is cancelled, the cause of the `CancelledError` is what became of the statement, as
        far as that is known: one of these errors, or `StatementMade`."""
