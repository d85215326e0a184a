"""What a step type is: typed fields, an output, and one asynchronous `run`.

A step type is one class in one file. Its pydantic fields are what an author may write; a field declared
`Templated[T]` may also hold templates, alone or inside lists and objects. The same class lives twice: as *loaded*
(templates still in place; checks and the compiler read it) and as *bound* (`bind` filled in the templates and
validated the result against `T`); `run` is only ever called on a bound step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from flowbuilder.errors import ConfigurationError, LanguageError, StepError, Transience
from flowbuilder.language import Expression, Shape, Template, is_template
from flowbuilder.values import Json, JsonObject

if TYPE_CHECKING:
    from flowbuilder.ports import Ports
    from flowbuilder.review import Decision, ReviewRequest

T = TypeVar("T")
Place = tuple[str | int, ...]
Kind = Literal["task", "branch", "loop", "review", "call"]
Sink = Literal["publish", "host", "code", "tool"]


@dataclass(frozen=True, slots=True)
class TemplatedField:
    """The mark of a field whose value may hold templates. `sink` names what untrusted text must not reach."""

    sink: Sink | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any, inner: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if isinstance(info.context, _Bound):
                return inner(value)
            compiled = _compile(value)
            return compiled if _holds_template(compiled) else inner(value)

        return core_schema.with_info_wrap_validator_function(validate, handler(source))

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        plain = handler(core)
        if plain.get("type") == "string" and "enum" not in plain and "format" not in plain:
            return dict(plain)
        return {"anyOf": [plain, {"type": "string", "pattern": r"\{[{%]"}]}


if TYPE_CHECKING:
    Templated = Annotated[T, TemplatedField()]
else:

    class Templated:
        """`Templated[T]`: a field of type `T` that may be written as a template."""

        def __class_getitem__(cls, inner: Any) -> Any:
            return Annotated[inner, TemplatedField()]


class _ExpressionField:
    """The mark of a field that is a bare expression; it is compiled when the document is loaded."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any) -> Expression:
            if isinstance(value, Expression):
                return value
            if isinstance(value, bool):
                value = "true" if value else "false"
            if not isinstance(value, str):
                raise PydanticCustomError("expression", "an expression is a text such as steps.a.output.score > 0.5")
            return _language(Expression, value)

        return core_schema.no_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "boolean"], "description": "an expression"}


ExpressionText = Annotated[Expression, _ExpressionField()]


class Record(BaseModel):
    """A frozen piece of a definition; unknown fields are refused."""

    # building a validator takes milliseconds: each is built when the first document needs it
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=False, defer_build=True
    )


class Retry(Record):
    """How often a step is tried when it fails for a passing reason; delays are in seconds."""

    attempts: int = Field(default=3, ge=1, le=20, description="tries in all, the first included")
    backoff: Literal["exponential", "constant"] = "exponential"
    delay_seconds: float = Field(default=2.0, ge=0, le=3600)
    max_delay_seconds: float = Field(default=300.0, ge=0, le=86400)
    on: tuple[Transience, ...] = ("timeout", "rate_limit", "server_error", "connection")

    def delays(self) -> tuple[float, ...]:
        """Seconds to wait before the second try, the third, and so on."""
        factor = 2.0 if self.backoff == "exponential" else 1.0
        return tuple(min(self.delay_seconds * factor**n, self.max_delay_seconds) for n in range(self.attempts - 1))


class ContinueWith(Record):
    """`on_error: {continue_with: VALUE}`: the step's output when it fails."""

    continue_with: Any = None


class Trust(Record):
    """A named, audited waiver: the author vouches for what comes from `source`."""

    source: str
    reason: str = Field(min_length=1)
    by: str = Field(min_length=1)


class Step(Record):
    """A step of any type: the fields that all share."""

    kind: ClassVar[Kind] = "task"
    untrusted: ClassVar[str | None] = None
    """What outsiders may have written into the output, in a few words ("web page"); None: nothing by itself."""
    cooperative: ClassVar[bool] = False
    """Whether `run` gives way whenever it waits. One that does may share the worker's event loop; any other is run in a
    thread of its own, so that code that blocks stops nothing else and its `timeout_seconds` holds."""

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
        """Whether the step writes to the outside world (publishes, sends, runs a privileged tool)."""
        return False

    def output_shape(self) -> Shape:
        """What is known of the output before it exists: by default, the nested `Output` model's JSON Schema."""
        model = getattr(type(self), "Output", None)
        if model is None:
            return Shape.unknown()
        return Shape.from_json_schema(model.model_json_schema(mode="serialization"))

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Every template and expression in the step's own fields, with its place below the step and its sink.

        The bodies of containers (`steps`, `branches`, `else`) are not descended into: they are steps of their own.
        """
        for name, alias, sink in _text_fields(type(self)):
            value = getattr(self, name)
            if value is not None and type(value) is not str:
                for place, text in _texts(value, (alias,)):
                    yield place, text, sink

    @cached_property
    def own_texts(self) -> tuple[tuple[Place, Template | Expression, Sink | None], ...]:
        """What `texts` gives, found once: everything that reads a definition asks for it."""
        return tuple(self.texts())

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The step with every template filled in from `context`; `StepError` where a result has the wrong type."""
        values: dict[str, Any] = {}
        for name in self.model_fields_set:
            info = type(self).model_fields[name]
            value = getattr(self, name)
            templated = any(isinstance(mark, TemplatedField) for mark in info.metadata)
            values[info.alias or name] = _fill(value, context) if templated else value
        try:
            return type(self).model_validate(values, context=_Bound())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise StepError(f"{place}: {first['msg']}", code="invalid_field", detail={"field": place}) from None

    async def run(self, run: StepRun) -> StepResult:
        """Do the step's work. Called on a bound step; raise `StepError` or `TransientError` when it fails."""
        raise ConfigurationError(f"steps of type {self.type} are not run by themselves")


@dataclass(frozen=True, kw_only=True)
class ExecutionInfo:
    """What templates see as `execution`. `started_at` is an ISO time with zone; `attempt` counts from 1."""

    id: str
    workflow: str
    version: int
    started_at: str
    attempt: int = 1

    def json(self) -> JsonObject:
        """The value in scope."""
        return {
            "id": self.id,
            "workflow": self.workflow,
            "version": self.version,
            "started_at": self.started_at,
            "attempt": self.attempt,
        }


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """What a step gets to work with, beside its own bound fields."""

    path: str
    execution: ExecutionInfo
    site: JsonObject
    ports: Ports
    hosts: tuple[str, ...] = ()
    attempt: int = 1
    decision: Decision | None = None
    """The answer to the review that this step asked for with `NeedsReview`, when it runs again after it."""
    effect_key: str = ""
    """The idempotency key of the step's effect: stable over attempts, crashes and restores."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The step is done. `usage` is what it cost, where that is known: tokens, usd, requests."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NeedsReview:
    """The step cannot go on without a person; it runs again with `StepRun.decision` once there is one."""

    request: ReviewRequest


StepResult = Completed | NeedsReview


@cache
def step_types() -> Mapping[str, type[Step]]:
    """The step types by name: ours, and those of the entry point group `flowbuilder.steps` (name = class)."""
    from flowbuilder.steps import BUILT_IN

    found: dict[str, type[Step]] = dict(BUILT_IN)
    for point in entry_points(group="flowbuilder.steps"):
        loaded = point.load()
        if not (isinstance(loaded, type) and issubclass(loaded, Step)):
            raise ConfigurationError(f"entry point {point.name} in group flowbuilder.steps is not a Step class")
        if point.name in BUILT_IN and BUILT_IN[point.name] is not loaded:
            raise ConfigurationError(f"entry point {point.name} would replace a built-in step type")
        found[point.name] = loaded
    return found


_NO_TEXTS = frozenset(("id", "type", "name", "depends_on", "retry", "timeout_seconds", "on_error", "trust"))


@cache
def _text_fields(model: type[Step]) -> tuple[tuple[str, str, Sink | None], ...]:
    """The fields that may hold texts: their names in Python and in the document, and their sinks."""
    return tuple(
        (
            name,
            info.alias or name,
            next((mark.sink for mark in info.metadata if isinstance(mark, TemplatedField)), None),
        )
        for name, info in model.model_fields.items()
        if name not in _NO_TEXTS
    )


class _Bound:
    """The validation context that says: templates are filled in."""


def _compile(value: Any) -> Any:
    if isinstance(value, str):
        return _language(Template, value) if is_template(value) else value
    if isinstance(value, Mapping):
        return {key: _compile(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_compile(item) for item in value]
    return value


def _language(form: type[T], source: str) -> T:
    try:
        return form(source)  # type: ignore[call-arg]
    except LanguageError as error:
        raise PydanticCustomError("language", "{message}", {"message": str(error), "error": error}) from None


def _holds_template(value: Any) -> bool:
    if isinstance(value, Template):
        return True
    if isinstance(value, Mapping):
        return any(_holds_template(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_holds_template(item) for item in value)


def _texts(value: Any, at: Place) -> Iterator[tuple[Place, Template | Expression]]:
    if isinstance(value, (Template, Expression)):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*at, key))
    elif isinstance(value, (list, tuple)) and not any(isinstance(item, Step) for item in value):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))
    elif isinstance(value, Record) and not isinstance(value, (Step, Retry, Trust, ContinueWith)):
        for name, info in type(value).model_fields.items():
            yield from _texts(getattr(value, name), (*at, info.alias or name))


def fill(value: Any, context: Mapping[str, Json]) -> Json:
    """A compiled value (templates inside lists and objects) with its templates filled in."""
    return _fill(value, context)  # type: ignore[no-any-return]


def compile_value(value: Any) -> Any:
    """A JSON value with every text that holds a template replaced by its `Template`."""
    return _compile(value)


def _fill(value: Any, context: Mapping[str, Json]) -> Any:
    if isinstance(value, Template):
        return value.render(context)
    if isinstance(value, Expression):
        return value
    if isinstance(value, Mapping):
        return {key: _fill(item, context) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(item, context) for item in value]
    return value
