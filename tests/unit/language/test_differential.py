"""Differential tests: generated code against a reference interpreter, and this language against jinja2."""

import json
import math
from copy import deepcopy
from typing import Any

import jinja2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowbuilder.language import Expression, Template
from flowbuilder.language.parsing.expression_parser import parse_expression
from flowbuilder.language.parsing.template_parser import parse_template
from tests.support.expression_grammar import CONTEXT, expressions, templates
from tests.support.reference_interpreter import ReferenceInterpreter, outcome_of

MANY = settings(max_examples=150, deadline=None)


def alike(one: tuple[str, Any], other: tuple[str, Any]) -> bool:
    if one[0] != other[0]:
        return False
    return one[1] == other[1] if one[0] == "error" else json.dumps(one[1]) == json.dumps(other[1])


@MANY
@given(expressions)
@example("(a == true) or (1.0 in f)")
def test_generated_code_and_the_reference_interpreter_agree_on_expressions(source: str) -> None:
    tree = parse_expression(source)
    expected = outcome_of(lambda: ReferenceInterpreter(deepcopy(CONTEXT)).value(tree))
    found = outcome_of(lambda: Expression(source).evaluate(CONTEXT))
    assert alike(found, expected), (source, found, expected)


@MANY
@given(templates)
def test_generated_code_and_the_reference_interpreter_agree_on_templates(source: str) -> None:
    parsed = outcome_of(lambda: parse_template(source))
    if parsed[0] == "error":
        assert outcome_of(lambda: Template(source)) == parsed
        return
    statements, single = parsed[1]
    expected = outcome_of(lambda: ReferenceInterpreter(deepcopy(CONTEXT)).render(statements))
    found = outcome_of(lambda: Template(source).render(CONTEXT))
    if single:
        assert found[0] == expected[0]
        return
    assert alike(found, expected), (source, found, expected)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab.[]()|&!=<>?:,\"'0123 +-*/%~{}\n_inotrdsx", max_size=40))
def test_every_text_compiles_or_raises_a_language_error(source: str) -> None:
    for make in (Expression, Template):
        for text in (source, "{{" + source + "}}", "{%" + source + "%}"):
            kind, made = outcome_of(lambda make=make, text=text: make(text))
            if kind == "error":
                assert made.startswith("FB2")
            else:
                evaluate = made.render if isinstance(made, Template) else made.evaluate
                outcome_of(lambda evaluate=evaluate: evaluate({"a": 1}))


NUMBERS = st.sampled_from(
    ("1", "2", "3.5", "row.v", "n", "(n + 1)", "(row.v * 2)", "(n - row.v)", "(7 // 2)", "(n % 3)")
)
TRUTHS = st.tuples(NUMBERS, st.sampled_from(("==", "!=", "<", ">=")), NUMBERS).map(lambda p: f"{p[0]} {p[1]} {p[2]}")
BENIGN = st.lists(
    st.one_of(
        NUMBERS.map(lambda number: "{{ " + number + " }} "),
        st.sampled_from(
            ("row.k", "row.k | upper", "row.k | lower", "name | length", "row.k ~ name", "name | replace('e', 'E')")
        ).map(lambda text: "{{ " + text + " }} "),
        TRUTHS.map(lambda test: "{% if " + test + " %}yes{% else %}no{% endif %} "),
        TRUTHS.map(lambda test: "{{ 'one' if " + test + " else 'other' }} "),
        st.sampled_from(
            (
                "{% for x in list %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% else %}-{% endfor %}",
                "{% set s = n + 1 %}{{ s }}",
                "{{ list | join('+') }}",
                "{{ list | first }}",
                "{{ nope | default(4) }}",
                "{{ list | sum }}",
                "{{ 'a' in name }} ".replace("{{ 'a' in name }}", "{{ 1 if 'a' in name else 0 }}"),
                "{% if name is defined and nope is not defined %}ok{% endif %}",
                "text {# comment #}\n",
                "{%- if n %} x {%- endif -%} y",
            )
        ),
    ),
    min_size=1,
    max_size=5,
).map("".join)
PLAIN = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


@MANY
@given(BENIGN)
def test_a_benign_template_prints_the_same_as_in_jinja2(body: str) -> None:
    source = "{% for row in rows %}" + body + "{% endfor %}."
    context = {"rows": [{"k": "Ab", "v": 2}, {"k": "cD", "v": 5}], "n": 4, "name": "green tea", "list": [1, 2, 3]}
    assert Template(source).render(context) == PLAIN.from_string(source).render(context)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@MANY
@given(json_values)
def test_a_value_is_unchanged_and_equals_itself(value: Any) -> None:
    context = {"x": value, "y": deepcopy(value)}
    assert Template("{{ x }}").render(context) == value
    assert Expression("x == y && !(x != y) && x in [y]").evaluate(context) is True
    assert json.loads(str(Expression("x | json").evaluate(context))) == value
    assert Expression("[x, y] | unique | length").evaluate(context) == 1


@MANY
@given(json_values, json_values)
def test_equality_is_that_of_json(one: Any, other: Any) -> None:
    def strict(value: Any) -> Any:
        if isinstance(value, bool):
            return ("boolean", value)
        if isinstance(value, dict):
            return {key: strict(inner) for key, inner in value.items()}
        return [strict(inner) for inner in value] if isinstance(value, list) else value

    assert Expression("a == b").evaluate({"a": one, "b": other}) is (strict(one) == strict(other))


@MANY
@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1),
    st.integers(-9, 9) | st.floats(-9, 9),
)
def test_numbers_stay_within_bounds(a: float, b: float) -> None:
    for sign in "+-*/%":
        kind, value = outcome_of(lambda sign=sign: Expression(f"a {sign} b").evaluate({"a": a, "b": b}))
        if kind == "error":
            assert value in ("overflow", "division")
        else:
            assert math.isfinite(value)
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
