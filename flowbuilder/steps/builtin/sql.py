"""`sql`: one statement on a database, which reads, or writes once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec.structs import replace
from pydantic import BaseModel, Field, field_validator

from flowbuilder import ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.json_schema import ensure_matches, usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.step import (
    Completed,
    NeedsReview,
    Place,
    Sink,
    Step,
    StepResult,
    StepRun,
    TemplatedField,
)
from flowbuilder.steps.write_once import EffectOptions, WriteMade, Written, write_once
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.model.effect import TargetClass
    from flowbuilder.ports.sql.statement import Statement

SECONDS = 30.0
SHARE = 0.9
"""The share of the step's time limit that the database has: then the step knows what became of the statement."""
ROWS = 1000
MAX_ROWS = 100_000
MAX_QUERY = 100_000


class Sql(Step):
    """Run one SQL statement on a PostgreSQL or SQLite database. It only reads, unless the step has an `effect`: then it
    is a write, which happens once.

    `connection` names a block of prefect-sqlalchemy, or a connection with a SQLAlchemy `url`. A value is never part of
    the text: write `:name` in `query`, and the value under `parameters`. Without `row_limit`, more than 1,000 rows are
    an error; with it, the first ones are the output and `truncated` says that there are more; `on_more` says otherwise.
    """

    cooperative: ClassVar[bool] = True
    untrusted: ClassVar[str | None] = "database rows"

    connection: str = Field(description="the name of a connection")
    query: str = Field(min_length=1, max_length=MAX_QUERY, description="one statement; no templates: write :name")
    parameters: Annotated[dict[str, Any], TemplatedField(sink="publish")] = Field(
        default_factory=dict, description="the value of each :name; a list is an array, an object is its JSON text"
    )
    row_limit: Annotated[int, Field(ge=1, le=MAX_ROWS), TemplatedField()] = ROWS
    on_more: Literal["fail", "stop"] | None = Field(
        default=None, description="where there are more rows; by default stop with a row_limit, else fail"
    )
    row_schema: JsonObject | None = Field(default=None, description="JSON Schema of a row")
    effect: Annotated[EffectOptions | None, TemplatedField(sink="control")] = Field(
        default=None, description="the statement is a write: it happens once"
    )

    class Output(BaseModel, defer_build=True):
        """`rows` by column name. `row_count` is their number or, of a write, the number of rows that it changed."""

        rows: list[Any]
        row_count: int
        columns: list[str]
        truncated: bool

    @field_validator("row_schema")
    @classmethod
    def _usable(cls, value: JsonObject | None) -> JsonObject | None:
        return usable_schema(value)

    @cached_property
    def statement(self) -> Statement:
        """The query, read."""
        from flowbuilder.ports.sql.statement import read_statement

        return read_statement(self.query)

    @property
    def given(self) -> tuple[str, ...] | None:
        """The names of the parameters; None where a template gives them."""
        known = isinstance(self.parameters, dict)
        return tuple(map(str, self.parameters)) if known else None

    def has_effect(self) -> bool:
        """Only where the author declares it: every other statement runs in a read-only transaction."""
        return self.effect is not None

    def output_shape(self) -> Shape:
        """The rows as `row_schema` says."""
        shape = super().output_shape()
        row = Shape.unknown() if self.row_schema is None else shape_of_schema(self.row_schema)
        return replace(shape, fields={**shape.fields, "rows": Shape.list_of(row)})

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Parameters are published only where the statement is an effect."""
        for place, text, sink in super().texts():
            yield place, text, None if sink == "publish" and not self.has_effect() else sink

    async def run(self, run: StepRun) -> StepResult:
        """A statement with more rows or bytes than allowed fails; a write is rolled back then."""
        if run.ports.databases is None:
            raise ConfigurationError("this installation has no databases")
        request = self._request()
        if not self.has_effect():
            return Completed(output=self._output(await run.ports.databases.execute(request)))
        declared = self.effect.deduplicates if self.effect else None
        target_class: TargetClass = "deduplicates" if declared else "neither"
        result = await write_once(
            run,
            target=f"{self.connection}: {self.statement.first}",
            target_class=target_class,
            request={"connection": self.connection, "query": self.query, "parameters": self.parameters},
            write=partial(self._write, run.ports.databases, request),
            key_retention=self.effect.seconds() if self.effect else None,
        )
        if isinstance(result, NeedsReview):
            return result
        self._ensure_rows(result)  # after the receipt: the write was made all the same
        return Completed(output=result)

    def _request(self) -> ports.SqlRequest:
        problem = next(self.statement.problems(writes=self.has_effect(), given=tuple(self.parameters)), None)
        unused = self.statement.unused(self.parameters)
        if problem is not None or unused:
            message = problem[0] if problem else f"the query has no :{unused[0]}, which is under parameters"
            raise StepError(message, code="invalid_field", detail={"field": "query"}, definitive=True)
        limited = "row_limit" in self.model_fields_set
        return ports.SqlRequest(
            connection=self.connection,
            statement=self.statement,
            parameters=self.parameters,
            row_limit=self.row_limit,
            on_more=self.on_more or ("stop" if limited else "fail"),
            seconds=(self.timeout_seconds or SECONDS) * SHARE,
            writes=self.has_effect(),
        )

    async def _write(self, databases: ports.Databases, request: ports.SqlRequest) -> Written:
        import asyncio  # here: validating a document loads this step type, and needs no event loop

        try:
            return Written(output=_receipt(await databases.execute(request)))
        except asyncio.CancelledError as cancelled:
            if isinstance(made := cancelled.__cause__, ports.StatementMade):
                raise cancelled from WriteMade(Written(output=_receipt(made.answer)))
            raise
        except ConfigurationError as problem:  # nothing was sent, so the effect is none in doubt
            raise StepError(str(problem), code="configurationerror", definitive=True) from None

    def _output(self, answer: ports.SqlAnswer) -> JsonObject:
        output = _receipt(answer)
        self._ensure_rows(output)
        return output

    def _ensure_rows(self, output: JsonObject) -> None:
        """Raise unless each row is as the author's schema says."""
        if self.row_schema is not None:
            for index, row in enumerate(output["rows"]):
                ensure_matches(self.row_schema, row, f"row {index + 1}")


def _receipt(answer: ports.SqlAnswer) -> JsonObject:
    return {
        "rows": list(answer.rows),
        "row_count": answer.row_count,
        "columns": list(answer.columns),
        "truncated": answer.truncated,
    }
