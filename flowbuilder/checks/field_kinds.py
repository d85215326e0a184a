"""FB302 for fields: a template gives what its field does not take; `over` is not a list."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from flowbuilder.diagnostics import Diagnostic
from flowbuilder.field import TemplatedField
from flowbuilder.language import Shape, Template
from flowbuilder.language.shape_words import kinds_in_words
from flowbuilder.provenance.shaping import Shaping
from flowbuilder.reading import Located, Reading, Text
from flowbuilder.step import Place, Step
from flowbuilder.steps.iteration import Iteration
from flowbuilder.steps.workflow import Workflow

_CODE = "FB302"


def check(reading: Reading) -> Iterator[Diagnostic]:
    """A complaint at each such text that has no finding of its own."""
    shaping = reading.once(Shaping)
    for located in reading.all:
        for text in located.texts:
            seen = shaping.seen[text]
            if seen.findings or seen.shape.is_unknown:
                continue
            at = text.place[len(located.place) :]
            expected = _expected(located, at, text)
            if expected is not None and not _takes(expected, seen.shape):
                message = f"{_name(at)} takes {kinds_in_words(expected)}; this is {kinds_in_words(seen.shape)}"
                yield reading.in_text(text, *_middle(text), _CODE, message, hint=_hint(expected, seen.shape))
        if isinstance(located.step, Workflow):
            yield from _inputs(reading, shaping, located, located.step)


def _inputs(reading: Reading, shaping: Shaping, located: Located, step: Workflow) -> Iterator[Diagnostic]:
    """What is given to a called workflow, against what it declares."""
    inner = shaping.called.get(located.id)
    declared = {item.name: item.schema for item in inner.reading.definition.inputs} if inner is not None else {}
    for text in located.texts:
        name = text.place[-1]
        if text.place[:-1] != (*located.place, "with") or name not in declared or not isinstance(text.text, Template):
            continue
        expected, given = Shape.from_json_schema(declared[str(name)]), shaping.seen[text].shape
        if not given.is_unknown and not expected.is_unknown and not expected.kinds & given.kinds:
            message = f"{step.name} takes {kinds_in_words(expected)} as {name}; this is {kinds_in_words(given)}"
            yield reading.in_text(text, *_middle(text), _CODE, message)


def _expected(located: Located, at: Place, text: Text) -> Shape | None:
    """What stands at a place of a step; None where anything may."""
    if isinstance(located.step, Iteration) and at == ("over",):
        return Shape.of("list")
    if not isinstance(text.text, Template):
        return None
    shape: Shape | None = _fields(type(located.step)).get(str(at[0]))
    for key in at[1:]:
        if shape is None or shape.is_unknown:
            return None
        shape = shape.item() if isinstance(key, int) else shape.member(key)
    return None if shape is None or shape.is_unknown else shape


@cache
def _fields(model: type[Step]) -> dict[str, Shape]:
    """The shapes of the fields of a step type that may be templates, by their names in the document."""
    return {
        info.alias or name: _shape(info.annotation)
        for name, info in model.model_fields.items()
        if any(isinstance(mark, TemplatedField) for mark in info.metadata)
    }


def _shape(annotation: Any) -> Shape:
    try:
        return Shape.from_json_schema(TypeAdapter(annotation).json_schema())
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
        return Shape.unknown()


def _takes(expected: Shape, given: Shape) -> bool:
    if expected.kinds & given.kinds:
        return True
    # a text that holds a number is taken for one, when there is one
    return "text" in given.kinds and "number" in expected.kinds


def _name(at: Place) -> str:
    return ".".join(str(part) for part in at)


def _middle(text: Text) -> tuple[int | None, int | None]:
    """The first reference of a text, or all of it."""
    first = next(iter(text.text.references), None)
    return (first.start, first.end) if first is not None else (None, None)


def _hint(expected: Shape, given: Shape) -> str:
    if expected.kinds & {"text"} and given.may_be("number"):
        return "turn it into text: value | string"
    if expected.is_list and given.is_object:
        return "take its values: value | values, or one of its members"
    return ""
