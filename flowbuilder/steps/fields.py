"""The fields of steps: a value, a template, an expression, a duration, or lists and objects of them.

A field has two forms: *loaded* (with templates) and *bound* (templates rendered, the result validated).
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, FieldExpression, Template, is_template
from flowbuilder.values import Json, Place, map_values, walk_values

T = TypeVar("T")
Sink = Literal["publish", "host", "image", "code", "tool", "agent", "control"]
"""Where untrusted text must not go: what is published, the host of a URL, an image that may be a URL or bytes, a
program, what a privileged tool is given, the prompt of a model that may call tools, and what decides who approves or
under which key a write is made."""


class TemplatedField(Struct, frozen=True):
    """The annotation of a field whose value may hold templates; with a `sink`, untrusted text must not reach it.

    A field with the sink `host`, or with `url`, is a URL: values in its path and query are percent-encoded.
    """

    sink: Sink | None = None
    url: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any, inner: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if isinstance(info.context, Bound):
                return inner(value)
            compiled = compile_value(value)
            return compiled if holds_template(compiled) else inner(value)

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
        """`Templated[T]`: a field of type `T` that may also be a template."""

        def __class_getitem__(cls, inner: Any) -> Any:
            return Annotated[inner, TemplatedField()]


class _ExpressionField:
    """The annotation of a field that is a bare expression; it is compiled when the document is loaded."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any) -> Expression:
            if isinstance(value, Expression):
                return value
            if isinstance(value, bool):
                value = "true" if value else "false"
            if not isinstance(value, str):
                raise PydanticCustomError("expression", "an expression is a text such as steps.a.output.score > 0.5")
            return _language(FieldExpression, value)

        return core_schema.no_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(self, core: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "boolean"], "description": "an expression"}


ExpressionText = Annotated[Expression, _ExpressionField()]


class Record(BaseModel):
    """An immutable part of a definition; unknown fields are errors."""

    shares_texts: ClassVar[bool] = True
    """Whether the templates and expressions of the record belong to the step that contains it; False for a step."""

    # building a validator takes milliseconds, so each is built when the first document needs it
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=False, defer_build=True,
        polymorphic_serialization=True,
    )  # fmt: skip


class Bound:
    """The pydantic context of a step whose templates are rendered."""


def _language(form: type[T], source: str) -> T:
    try:
        return form(source)  # type: ignore[call-arg]
    except LanguageError as error:
        raise PydanticCustomError("language", "{message}", {"message": str(error), "error": error}) from None


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        if _TIMEDELTA.validate_python(value).total_seconds() <= 0:
            raise ValueError("a duration such as P2D (two days) or PT4H (four hours), longer than zero")
        return value
    raise ValueError("a duration such as P2D (two days) or PT4H (four hours)")


_TIMEDELTA = SchemaValidator(core_schema.timedelta_schema())
Duration = Annotated[str, BeforeValidator(_duration)]
"""An ISO 8601 duration of more than zero seconds."""


def seconds_of(duration: str | None) -> float | None:
    """The length of an ISO 8601 duration in seconds: `PT90S` is 90.0."""
    return None if duration is None else _TIMEDELTA.validate_python(duration).total_seconds()


def compile_value(value: Any) -> Any:
    """A JSON value in which a `Template` replaces each string that holds one."""
    return map_values(value, _compiled)


def _compiled(_place: Place, value: Any) -> Any:
    return _language(Template, value) if isinstance(value, str) and is_template(value) else value


def holds_template(value: Any) -> bool:
    """Whether a compiled value is a template or holds one."""
    return any(isinstance(inner, Template) for _, inner in walk_values(value))


def texts_in(value: Any, at: Place) -> Iterator[tuple[Place, Template | Expression]]:
    """Every template and expression in a compiled value, with its place; `at` is the place of the value."""
    for place, inner in walk_values(value, at):
        if isinstance(inner, (Template, Expression)):
            yield place, inner
        elif isinstance(inner, Record) and inner.shares_texts:
            for name, info in type(inner).model_fields.items():
                yield from texts_in(getattr(inner, name), (*place, info.alias or name))


def render_url(value: Any, context: Mapping[str, Json]) -> Any:
    """A compiled URL, rendered with percent-encoded values, also in a list and as the `url` of an object; every other
    value as by `render_value`."""
    if isinstance(value, Template):
        return value.render_url(context)
    if isinstance(value, (list, tuple)):
        return [render_url(item, context) for item in value]
    if isinstance(value, dict) and "url" in value:
        return {**render_value(value, context), "url": render_url(value["url"], context)}
    return render_value(value, context)


def render_value(value: Any, context: Mapping[str, Json]) -> Any:
    """A compiled value in which each template is replaced by its rendered value."""

    def render(_place: Place, inner: Any) -> Any:
        if isinstance(inner, Template):
            return inner.render(context)
        if isinstance(inner, Record) and inner.shares_texts and any(True for _ in texts_in(inner, ())):
            # a part of the step whose own fields may be templates, such as `assign`: it is validated with the step
            fields = type(inner).model_fields
            names = inner.model_fields_set
            return {fields[name].alias or name: render_value(getattr(inner, name), context) for name in names}
        return inner

    return map_values(value, render)
