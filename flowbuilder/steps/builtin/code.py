"""`code`: an author's own Python in a sandbox."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from flowbuilder.json_schema import ensure_matches, usable_schema
from flowbuilder.language import Shape, shape_of_schema
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun, Templated, TemplatedField
from flowbuilder.values import JsonObject


class Code(Step):
    """Run Python in a sandbox without files or network. The output is the value of the last expression.

    The clock stands still at the start of the execution (`execution.started_at`, UTC), and random numbers are seeded by
    the execution and the step: a repeated run of the step computes the same value. The names under `with` are
    variables of the program. Limits: `limit_seconds` of time, `limit_megabytes` of memory.
    """

    cooperative: ClassVar[bool] = True
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
        names = value if isinstance(value, dict) else ()  # one template for all of them is checked when it is rendered
        wrong = next((name for name in names if not (name.isascii() and name.isidentifier())), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r:.40} is not a valid variable name")
        return value

    def output_shape(self) -> Shape:
        """The shape that `output_schema` describes; unknown without one."""
        return shape_of_schema(self.output_schema) if self.output_schema else Shape.unknown()

    async def run(self, run: StepRun) -> StepResult:
        """Errors carry the line of the source."""
        value = await run.ports.sandbox.run(
            self.source,
            self.inputs,
            seconds=self.limit_seconds,
            megabytes=self.limit_megabytes,
            now=datetime.fromisoformat(run.execution.started_at),
            seed=f"{run.execution.id} {run.path}",
        )
        if self.output_schema is not None:
            ensure_matches(self.output_schema, value, "the value of the last expression")
        return Completed(output=value)
