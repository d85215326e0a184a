"""Type errors of fields: `over` that is not a list, a list where a number is expected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from flowbuilder.analysis.model import ROOTS, LocatedStep, LocatedText
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.language import Finding, Shape, Template, shape_of_schema
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.language.types.descriptions import describe_kinds
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.fields import TemplatedField
from flowbuilder.steps.step import Place, Step
from flowbuilder.steps.type_shapes import shape_of


def kind_mismatches(propagation: Propagation) -> Iterator[tuple[LocatedText, Finding]]:
    """Each text whose value does not fit its field or the input of a called workflow, and that has no other finding."""
    for located in propagation.analysis.steps:
        declared = _declared(propagation, located)
        for text in located.texts:
            seen = propagation.checked[text]
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


def misused_path(text: LocatedText, finding: Finding) -> NamePath | None:
    """The path of the step output, input or item that a finding reports as being of the wrong kind; else None."""
    if finding.code != "FB302" or finding.start is None or finding.end is None:
        return None
    for reference in text.compiled.references:
        path = reference.path
        named = len(path) > 1 if path[0] in ("steps", "inputs") else path[0] not in (*ROOTS, "loop")
        if finding.start <= reference.start < finding.end and named:
            return path
    return None


def _finding(text: LocatedText, name: str, expected: Shape, given: Shape) -> Finding:
    reference = next(iter(text.compiled.references), None)
    start, end = (reference.start, reference.end) if reference is not None else (None, None)
    written = text.compiled.source.strip().removeprefix("{{").removesuffix("}}").strip()
    this = written if reference is not None and written == text.compiled.source[start:end] else "this"
    message = f"{name} expects {describe_kinds(expected)}, but {this} is {describe_kinds(given)}"
    return Finding(code="FB302", message=message, hint=_hint(expected, given), start=start, end=end)


def _declared(propagation: Propagation, located: LocatedStep) -> dict[str, Shape]:
    """The shapes of the inputs of the workflow that a step calls; empty where it is not known."""
    inner = propagation.called.get(located.id)
    if inner is None:
        return {}
    return {item.name: shape_of_schema(item.schema) for item in inner.analysis.definition.inputs}


def _expected(located: LocatedStep, at: Place, text: LocatedText) -> Shape | None:
    """The shape that a place of a step expects; None where any value is allowed."""
    if isinstance(located.step, Iteration) and at == ("over",):
        return Shape.of("list")
    if not isinstance(text.compiled, Template):
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
    # a text that contains a number is converted when the step is bound
    return "text" in given.kinds and "number" in expected.kinds


def _hint(expected: Shape, given: Shape) -> str:
    if expected.kinds & {"text"} and given.may_be("number"):
        return "turn it into text: value | string"
    if expected.is_list and given.is_object:
        return "take its values: value | values, or one of its members"
    return ""
