"""No operation loses a mark: a value that holds the text of an outsider has a shape that says so."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, Namespace, Shape, Template, shape_of_schema
from flowbuilder.language.evaluation.functions import FUNCTIONS
from tests.support.proof import sample
from tests.support.untrusted.marked_values import MARKER, OPERATORS, OUTSIDER, Marked, is_marked

NAMES = ("p", "r", "s")
NUMBERS = {
    function.name
    for function in FUNCTIONS.values()
    if function.gives in ("boolean", "integer", "number", "rounded", "sum", "list of integer")
}
BEHIND_DATES = {"date", "add_days"}
"""They give a text only for a date, and an outsider's text is none."""


def lost(source: str, context: dict[str, Any], shape_of: Callable[[Any], Shape]) -> bool | None:
    """Whether a template's value holds the marker and its shape is clean; None where there is no value to judge.

    `shape_of` gives a shape that describes a value. It is asked only where the template's value holds the marker.
    """
    try:
        template = Template(source)
        if not is_marked(template.render(context)):
            return None
        shape, findings = template.check(Namespace({name: shape_of(value) for name, value in context.items()}))
    except LanguageError:
        return None
    return None if any(finding.severity == "error" for finding in findings) else shape.trust is None


@pytest.mark.parametrize("part", range(4))
def test_a_value_that_holds_an_outsiders_text_has_a_mark(part: int) -> None:
    held: Counter[str] = Counter()
    count = sample(quick=200, ci=6_000, thorough=60_000)
    for number in range(count):
        source = Marked(part * 1_000_000 + number)
        context = {name: source.value() for name in NAMES}
        text = source.template(context)
        found = lost(text, context, source.shape)
        assert not found, (number, text, context)
        if found is not None:
            held.update(source.said)
            held["all"] += 1
    assert held["all"] > count / 12


@pytest.mark.parametrize("name", sorted(function.name for function in {id(f): f for f in FUNCTIONS.values()}.values()))
def test_each_function_is_tried_with_the_text_of_an_outsider(name: str) -> None:
    """Every function runs in this generator's texts, and each that can give text gives the outsider's."""
    seen = 0
    for number in range(1_500 if name not in NUMBERS | BEHIND_DATES else sample(quick=30, ci=100, thorough=100)):
        source = Marked(number)
        values = [source.value() for _ in NAMES]
        context = dict(zip(NAMES, values, strict=True))
        call = source.call(name, lambda kind: source.expression(context, 2, kind))  # noqa: B023
        found = lost(f"{{{{ {call} }}}}", context, source.shape)
        assert not found, (call, context)
        seen += found is not None
        if seen > 8:
            break
    assert seen > 8 or name in NUMBERS | BEHIND_DATES


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_keeps_the_mark_of_each_side(operator: str) -> None:
    pairs = [(MARKER, "a"), ([MARKER], []), ([], [MARKER]), (MARKER, None), (1, MARKER), ([1], [MARKER])]
    tried = 0
    for pair in pairs:
        for number in range(sample(quick=20, ci=60, thorough=60)):
            source = Marked(number)
            found = lost(f"{{{{ p {operator} r }}}}", {"p": pair[0], "r": pair[1]}, source.shape)
            assert not found, (number, operator, pair)
            tried += found is not None
    assert tried > sample(quick=10, ci=30, thorough=30) or operator not in ("+", "and", "or", "~")


def test_what_the_validator_accepts_the_shape_describes() -> None:
    """Member by member: where a schema's shape is clean, no value that the validator accepts has text there."""
    tried = 0
    for number in range(sample(quick=1_000, ci=20_000, thorough=200_000)):
        source = Marked(number)
        value = source.value()
        schema = source.schema_for(value)
        shape = shape_of_schema(schema).with_trust(OUTSIDER)
        for path, inner in _paths(value):
            found = _at(shape, path)
            if is_marked(inner):
                tried += 1
                assert found.trust is not None, (json.dumps(schema), value, path)
    assert tried > sample(quick=500, ci=1_000, thorough=1_000)


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(at, value), *(found for key, part in inner for found in _paths(part, (*at, key)))]


def _at(shape: Shape, path: tuple[str | int, ...]) -> Shape:
    """What an expression reads at a path of a value of this shape."""
    text = "p" + "".join(f"[{key}]" if isinstance(key, int) else f"[{key!r}]" for key in path)
    found, findings = Expression(text).check(Namespace({"p": shape}))
    wrong = any(finding.severity == "error" for finding in findings)
    return Shape.unknown().with_trust(OUTSIDER) if wrong else found
