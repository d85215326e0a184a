"""The base class of step types: typed fields, an output, and one asynchronous `run`.

A step type is one class in one module. Its pydantic fields are what an author may write; a field declared
`Templated[T]` may also hold templates, alone or inside lists and objects. An instance is either *loaded* (with
templates, as the linter and the compiler read it) or *bound* (`bind` rendered the templates and validated the result
against `T`); `run` is only called on a bound step.
"""

# no `from __future__ import annotations` here and in most step types: pydantic would compile texts to annotations
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from msgspec import Struct, field
from pydantic import BaseModel, Field, ValidationError, field_validator

from flowbuilder.errors import ConfigurationError, StepError, Transience
from flowbuilder.language import Expression, Shape, Template
from flowbuilder.steps.fields import (
    Bound,
    ExpressionText,
    Record,
    Sink,
    Templated,
    TemplatedField,
    compile_value,
    render_url,
    render_value,
    texts_in,
)
from flowbuilder.steps.type_shapes import shape_of_model
from flowbuilder.values import Json, JsonObject, Place

if TYPE_CHECKING:
    from flowbuilder.model.review import Decision, ReviewRequest
    from flowbuilder.ports import Ports

__all__ = [
    "Completed", "ContinueWith", "ExecutionInfo", "ExpressionText", "InnerBlock", "Kind", "NeedsReview", "Place",
    "Record", "Retry", "Sink", "Step", "StepResult", "StepRun", "Templated", "TemplatedField", "Trust",
    "compile_value", "render_url", "render_value",
]  # fmt: skip

Kind = Literal["task", "branch", "loop", "review", "call"]


class Retry(Record):
    """The retry policy for transient errors; delays are in seconds."""

    attempts: int = Field(default=3, ge=1, le=20, description="attempts in all, including the first")
    backoff: Literal["exponential", "constant"] = "exponential"
    delay_seconds: float = Field(default=2.0, ge=0, le=3600)
    max_delay_seconds: float = Field(default=300.0, ge=0, le=86400)
    on: tuple[Transience, ...] = ("timeout", "rate_limit", "server_error", "connection")

    def delays(self) -> tuple[float, ...]:
        """Seconds to wait before the second attempt, the third, and so on."""
        factor = 2.0 if self.backoff == "exponential" else 1.0
        return tuple(min(self.delay_seconds * factor**n, self.max_delay_seconds) for n in range(self.attempts - 1))


class ContinueWith(Record):
    """`on_error: {continue_with: VALUE}`: the output of the step when it fails."""

    continue_with: Any = None


class Trust(Record):
    """A waiver, by name and with a reason: text from `source` is trusted."""

    source: str
    reason: str = Field(min_length=1)
    by: str = Field(min_length=1)


class InnerBlock(Struct, frozen=True, kw_only=True):
    """A list of steps inside a container step: the body of an iteration, or one branch of a conditional."""

    place: Place
    """The place, below the container, of the object that holds `steps` and `output`."""
    steps: tuple["Step", ...]
    when: Expression | None = None
    """The condition of a branch."""
    item_name: str | None = None
    """The name of the item, where the steps run once for each."""
    output: Any = None


class Step(Record):
    """A step: the fields of every type."""

    shares_texts: ClassVar[bool] = False
    kind: ClassVar[Kind] = "task"
    untrusted: ClassVar[str | None] = None
    """The kind of untrusted source that each output of the type is ("web page"); None for a type that is none."""
    carries: ClassVar[bool] = True
    """Whether the output may contain the input: an untrusted prompt makes an untrusted answer."""
    echoes: ClassVar[tuple[str, ...]] = ()
    """Of a step whose output does not carry its input otherwise: the members that may repeat the field of that name."""
    cooperative: ClassVar[bool] = False
    """Whether `run` never blocks its thread. If so, it runs in the worker's event loop; else in a thread of its own, so
    that it delays no other step and `timeout_seconds` is enforced."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    type: str
    name: str | None = None
    depends_on: tuple[str, ...] = ()
    when: ExpressionText | None = None
    retry: Retry | None = None
    timeout_seconds: float | None = Field(default=None, gt=0, le=86400)
    on_error: Literal["fail", "continue"] | ContinueWith = "fail"
    trust: Trust | tuple[Trust, ...] = ()

    @field_validator("depends_on", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def trusts(self) -> tuple[Trust, ...]:
        """The waivers of this step."""
        return (self.trust,) if isinstance(self.trust, Trust) else self.trust

    def has_effect(self) -> bool:
        """Whether the step writes to the outside world (publishes, sends, calls a privileged tool)."""
        return False

    def untrusted_source(self) -> str | None:
        """The kind of untrusted source that the output of this step is: by default that of its type."""
        return self.untrusted

    def steered_by(self) -> str:
        """What of outsiders, beside the texts of the step, may make a model call tools that write; empty: nothing."""
        return ""

    def sends_urls(self) -> bool:
        """Whether the path and query of the step's URLs are published content, as in a request that is not a GET."""
        return False

    def urls(self) -> Iterator[tuple[Place, Any]]:
        """The URLs of the step, each as it is written or compiled, with its place below the step."""
        for name, alias, sink in _text_fields(type(self)):
            if sink == "host" and (value := getattr(self, name)) is not None:
                yield (alias,), value

    def output_shape(self) -> Shape:
        """The shape of the output: by default that of the nested `Output` model, else unknown."""
        model = getattr(type(self), "Output", None)
        return Shape.unknown() if model is None else _shape_of_output(model)

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Every template and expression in the step's own fields, with its place below the step and its sink.

        Those of the steps inside a container are not included.
        """
        for name, alias, sink in _text_fields(type(self)):
            value = getattr(self, name)
            if value is not None and type(value) is not str:
                for place, text in texts_in(value, (alias,)):
                    yield place, text, sink

    @cached_property
    def own_texts(self) -> tuple[tuple[Place, Template | Expression, Sink | None], ...]:
        """The result of `texts`, computed once."""
        return tuple(self.texts())

    @cached_property
    def guarded_texts(self) -> tuple[tuple[Place, Template | Expression, Sink | None], ...]:
        """The texts that may hold nothing of outsiders that no reviewer has approved when the step runs: all that a
        write is made of, and the prompt of a model that may call tools that write."""
        sinks = _OF_WRITES if self.has_effect() else ("agent",)
        return tuple(own for own in self.own_texts if own[2] in sinks)

    @cached_property
    def mentioned(self) -> tuple[str, ...]:
        """The ids of the steps that `depends_on` names and of those that the texts read."""
        read = (reference.path for _, text, _ in self.own_texts for reference in text.references)
        return (*self.depends_on, *(str(path[1]) for path in read if len(path) > 1 and path[0] == "steps"))

    def inner_blocks(self) -> tuple[InnerBlock, ...]:
        """The lists of steps inside a container, in the order of the document; none in any other step."""
        return ()

    def scope_of(self, place: Place) -> int | None:
        """The index of the inner block whose steps the text at `place`, below this step, can read.

        None for a text that is evaluated in the scope around the step.
        """
        return None

    def decides(self, place: Place, block: int) -> bool:
        """Whether the text at `place`, below this step, decides if the steps of the inner block at this index run."""
        return place == ("when",)

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The step with every template rendered in `context`; raises `StepError` where a result has the wrong type."""
        values: dict[str, Any] = {}
        for name in self.model_fields_set:
            info = type(self).model_fields[name]
            value = getattr(self, name)
            render = render_url if any(_is_url(mark) for mark in info.metadata) else render_value
            values[info.alias or name] = render(value, context)
        try:
            return type(self).model_validate(values, context=Bound())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise StepError(f"{place}: {first['msg']}", code="invalid_field", detail={"field": place}) from None

    async def run(self, run: "StepRun") -> "StepResult":
        """Do the work of a bound step; raises `StepError` or `TransientError` when it fails."""
        raise ConfigurationError(f"steps of type {self.type} have no run of their own")


class ExecutionInfo(Struct, frozen=True, kw_only=True):
    """The record that templates see as `execution`: the same in every walk. `started_at` is an ISO time with zone."""

    id: str
    workflow: str
    version: int
    started_at: str

    def json(self) -> JsonObject:
        """The value as JSON."""
        return {
            "id": self.id,
            "workflow": self.workflow,
            "version": self.version,
            "started_at": self.started_at,
            "attempt": 1,  # a public name; what templates see must not change when an execution is resumed
        }


class StepRun(Struct, frozen=True, kw_only=True):
    """The context of one run of a step: its identity, the ports it may use, and the answer to its last review."""

    path: str
    execution: ExecutionInfo
    site: JsonObject
    ports: "Ports"
    hosts: tuple[str, ...] = ()
    attempt: int = 1
    decision: "Decision | None" = None
    """The answer to the review that this step requested with `NeedsReview`, when it runs again after the answer."""
    asked: int = 0
    """The number of reviews of this step that have been answered."""
    effect_key: str = ""
    """The idempotency key of the step's effect: stable over attempts, crashes and restores."""


class Completed(Struct, frozen=True, kw_only=True):
    """The step is done. `usage` is the cost of the run, where it is known: tokens, usd, requests."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


class NeedsReview(Struct, frozen=True, kw_only=True):
    """The step needs the decision of a reviewer; it runs again with it as `StepRun.decision`."""

    request: "ReviewRequest"


StepResult = Completed | NeedsReview


def _is_url(mark: object) -> bool:
    return isinstance(mark, TemplatedField) and (mark.url or mark.sink == "host")


@cache
def _shape_of_output(model: type[BaseModel]) -> Shape:
    return shape_of_model(model)


_OF_WRITES: tuple[Sink, ...] = ("publish", "host", "tool", "code", "control", "agent")
_NO_TEXTS = frozenset(("id", "type", "name", "depends_on", "retry", "timeout_seconds", "on_error", "trust"))


@cache
def _text_fields(model: type[Step]) -> tuple[tuple[str, str, Sink | None], ...]:
    """The fields that may hold templates: their names in Python and in the document, and their sinks."""
    return tuple(
        (
            name,
            info.alias or name,
            next((mark.sink for mark in info.metadata if isinstance(mark, TemplatedField)), None),
        )
        for name, info in model.model_fields.items()
        if name not in _NO_TEXTS
    )
