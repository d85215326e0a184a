"""What an author may write in a field: a value, a template, an expression, or lists and objects of them.

A field lives twice: as *loaded* (templates still in place) and as *bound* (filled in and validated).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, Template, is_template
from flowbuilder.values import Json

T = TypeVar("T")
Place = tuple[str | int, ...]
Sink = Literal["publish", "host", "code", "tool"]


@dataclass(frozen=True, slots=True)
class TemplatedField:
    """The mark of a field whose value may hold templates. `sink` names what untrusted text must not reach."""

    sink: Sink | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any, inner: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if isinstance(info.context, Bound):
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

    shares_texts: ClassVar[bool] = True
    """Whether its templates and expressions belong to the step that it is a part of."""

    # building a validator takes milliseconds: each is built when the first document needs it
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=False, defer_build=True
    )


class Bound:
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


_SCALARS = frozenset((str, int, float, bool))


def texts_in(value: Any, at: Place) -> Iterator[tuple[Place, Template | Expression]]:
    """Every template and expression in a field's value, with its place."""
    if value is None or type(value) in _SCALARS:
        return
    if isinstance(value, (Template, Expression)):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_in(item, (*at, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from texts_in(item, (*at, index))
    elif isinstance(value, Record) and value.shares_texts:
        for name, info in type(value).model_fields.items():
            yield from texts_in(getattr(value, name), (*at, info.alias or name))


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
    if isinstance(value, Record) and value.shares_texts and any(True for _ in texts_in(value, ())):
        # a part of the step, such as `assign`, whose own fields may be templates: it is validated anew with the step
        fields = type(value).model_fields
        return {fields[name].alias or name: _fill(getattr(value, name), context) for name in value.model_fields_set}
    return value
