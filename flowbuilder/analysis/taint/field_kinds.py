"""Texts that give what their field does not take: `over` that is not a list, a list for a number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from flowbuilder.analysis.model import ROOTS, Located, Text
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.language import Finding, Shape, Template, shape_of_schema
from flowbuilder.language.parsing.references import Path
from flowbuilder.language.types.descriptions import describe_kinds
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.fields import TemplatedField
from flowbuilder.steps.step import Place, Step
from flowbuilder.steps.type_shapes import shape_of


def misfits(shaping: Propagation) -> Iterator[tuple[Text, Finding]]:
    """Each text that gives what its field, or the called workflow, does not take, and has no finding of its own."""
    for located in shaping.analysis.all:
        declared = _declared(shaping, located)
        for text in located.texts:
            seen = shaping.seen[text]
            if seen.findings or seen.shape.is_unknown:
                continue
            at = text.place[len(located.place) :]
            if at[0] == "with" and declared:
                expected = declared.get(str(at[1])) if len(at) == 2 else None
                fits = expected is None or expected.is_unknown or bool(expected.kinds & seen.shape.kinds)
            else:
                expected = _expected(located, at, text)
                fits = expected is None or _takes(expected, seen.shape)
            if expected is not None and not fits:
                yield text, _finding(text, str(at[-1]), expected, seen.shape)


def misused(text: Text, finding: Finding) -> Path | None:
    """The path of the value that a finding says to be of the wrong kind: of a step, an input or an item."""
    if finding.code != "FB302" or finding.start is None or finding.end is None:
        return None
    for reference in text.text.references:
        path = reference.path
        named = len(path) > 1 if path[0] in ("steps", "inputs") else path[0] not in (*ROOTS, "loop")
        if finding.start <= reference.start < finding.end and named:
            return path
    return None


def _finding(text: Text, name: str, expected: Shape, given: Shape) -> Finding:
    reference = next(iter(text.text.references), None)
    start, end = (reference.start, reference.end) if reference is not None else (None, None)
    written = text.text.source.strip().removeprefix("{{").removesuffix("}}").strip()
    this = written if reference is not None and written == text.text.source[start:end] else "this"
    message = f"{name} takes {describe_kinds(expected)}; {this} is {describe_kinds(given)}"
    return Finding(code="FB302", message=message, hint=_hint(expected, given), start=start, end=end)


def _declared(shaping: Propagation, located: Located) -> dict[str, Shape]:
    """The inputs of the workflow that a step calls."""
    inner = shaping.called.get(located.id)
    if inner is None:
        return {}
    return {item.name: shape_of_schema(item.schema) for item in inner.analysis.definition.inputs}


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
        info.alias or name: shape_of(info.annotation)
        for name, info in model.model_fields.items()
        if any(isinstance(mark, TemplatedField) for mark in info.metadata)
    }


def _takes(expected: Shape, given: Shape) -> bool:
    if expected.kinds & given.kinds:
        return True
    # a text that holds a number is taken for one, when there is one
    return "text" in given.kinds and "number" in expected.kinds


def _hint(expected: Shape, given: Shape) -> str:
    if expected.kinds & {"text"} and given.may_be("number"):
        return "turn it into text: value | string"
    if expected.is_list and given.is_object:
        return "take its values: value | values, or one of its members"
    return ""
