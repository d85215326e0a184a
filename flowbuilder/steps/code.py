"""`code`: an author's own Python, cut off from the machine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from flowbuilder.errors import StepError
from flowbuilder.json_schema import BadSchema, ensure_schema, problems
from flowbuilder.language import Shape
from flowbuilder.step import Completed, Step, StepResult, StepRun, Templated, TemplatedField
from flowbuilder.values import JsonObject


class Code(Step):
    """Run Python in a sandbox without files, network or clock. The output is the value of the last expression.

    The names under `with` are variables of the program. Limits: `limit_seconds` of time, `limit_megabytes` of memory.
    """

    language: Literal["python"] = "python"
    source: Annotated[str, TemplatedField(sink="code")]
    inputs: Templated[dict[str, Any]] = Field(default_factory=dict, alias="with")
    output_schema: JsonObject | None = None
    limit_seconds: float = Field(default=5.0, gt=0, le=60)
    limit_megabytes: int = Field(default=64, ge=1, le=512)

    @field_validator("output_schema")
    @classmethod
    def _usable(cls, value: JsonObject | None) -> JsonObject | None:
        return usable_schema(value)

    @field_validator("inputs")
    @classmethod
    def _names(cls, value: dict[str, Any]) -> dict[str, Any]:
        wrong = next((name for name in value if not (name.isascii() and name.isidentifier())), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r:.40} cannot be the name of a variable")
        return value

    def output_shape(self) -> Shape:
        """As `output_schema` says; unknown without one."""
        return Shape.from_json_schema(self.output_schema) if self.output_schema else Shape.unknown()

    async def run(self, run: StepRun) -> StepResult:
        """Errors carry the line of the source that they come from."""
        value = await run.ports.sandbox.run(
            self.source, self.inputs, seconds=self.limit_seconds, megabytes=self.limit_megabytes
        )
        if self.output_schema is not None:
            ensure_matches(self.output_schema, value, "the value of the last expression")
        return Completed(output=value)


def usable_schema(schema: JsonObject | None) -> JsonObject | None:
    """The schema itself; `ValueError` when it is not a JSON Schema that stands on its own."""
    if schema is not None:
        try:
            ensure_schema(schema)
        except BadSchema as problem:
            raise ValueError(f"not a usable JSON Schema: {problem}") from None
    return schema


def ensure_matches(schema: JsonObject, value: Any, what: str) -> None:
    """Raise `StepError` with the first few problems unless the value is valid against the schema."""
    found = problems(schema, value)
    if found:
        shown = "; ".join(f"{place or '/'}: {message:.200}" for place, message in found[:3])
        detail = [{"place": place, "message": message[:200]} for place, message in found]
        raise StepError(f"{what} does not match its schema: {shown}", code="schema_mismatch", detail=detail)
