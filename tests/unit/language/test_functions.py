"""Every function: its examples are true, its arguments are checked, and it charges the meter before it works."""

import json
import re
from typing import Any

import pytest

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, Namespace, Template
from flowbuilder.language.codegen.program import EXPRESSIONS, TEMPLATES
from flowbuilder.language.evaluation.functions import FUNCTIONS, Function
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.limits import LIMITS, Meter
from flowbuilder.language.types.descriptions import describe
from flowbuilder.language.types.value_shapes import shape_of_value

OWN = {name: function for name, function in FUNCTIONS.items() if function.name == name}
EXAMPLE = re.compile(r"`([^`]+)` -> `([^`]+)`", re.DOTALL)
WANTED = [
    "upper",
    "lower",
    "title",
    "trim",
    "truncate",
    "replace",
    "split",
    "join",
    "length",
    "first",
    "last",
    "slice",
    "sort",
    "unique",
    "map",
    "pluck",
    "where",
    "sum",
    "min",
    "max",
    "round",
    "default",
    "json",
    "date",
    "add_days",
    "slugify",
    "strip_html",
    "wordcount",
    "urlencode",
    "coalesce",
]


def examples(function: Function) -> list[tuple[str, str]]:
    return EXAMPLE.findall(function.documentation)


@pytest.mark.parametrize("name", OWN)
def test_the_examples_of_a_function_hold_in_both_syntaxes(name: str) -> None:
    found = examples(OWN[name])
    assert found, "a function shows what it does"
    for expression, value in found:
        assert Expression(expression).evaluate({}) == json.loads(value), expression
        assert Template("{{ " + expression + " }}").render({}) == json.loads(value), expression


@pytest.mark.parametrize("name", OWN)
def test_the_shape_of_an_example_is_the_shape_of_its_value(name: str) -> None:
    for expression, value in examples(OWN[name]):
        shape, findings = Expression(expression).check(Namespace({}))
        assert findings == ()
        assert shape_of_value(json.loads(value)).kinds <= shape.kinds, (expression, describe(shape))


def test_the_filters_that_authors_expect_exist() -> None:
    assert set(WANTED) <= set(FUNCTIONS)


VALUES: dict[str, Any] = {"text": "x", "key": "x", "integer": 1, "number": 1, "boolean": True, "list": [], "object": {}}
WRONG: dict[str, Any] = {"text": 1, "key": 1, "integer": "x", "number": "x", "boolean": 1, "list": {}, "object": []}


def call_with(function: Function, wrong: Parameter) -> str:
    given = []
    before = [parameter.name for parameter in function.parameters[: function.parameters.index(wrong)]]
    for parameter in function.parameters:
        if parameter is wrong:
            given.append(json.dumps(WRONG[parameter.kind]))
        elif not parameter.by_name and (parameter.required or parameter.name in before):
            given.append(json.dumps(VALUES.get(parameter.kind, [])))
    return f"{function.name}({', '.join(given)})"


CHECKED = [
    (name, parameter)
    for name, function in OWN.items()
    for parameter in function.parameters
    if parameter.kind != "any" and not parameter.many
]


@pytest.mark.parametrize(("name", "parameter"), CHECKED, ids=lambda value: getattr(value, "name", value))
def test_an_argument_of_the_wrong_kind_is_refused_by_name(name: str, parameter: Parameter) -> None:
    text = call_with(OWN[name], parameter)
    with pytest.raises(LanguageError) as caught:
        Expression(text).evaluate({})
    assert caught.value.code == "type"
    assert name in str(caught.value)
    _, findings = Expression(text).check(Namespace({}))
    assert [finding.code for finding in findings] == ["FB302"], text


GROWING = {
    "upper": ("x" * 90_000,),
    "lower": ("X" * 90_000,),
    "title": ("x" * 90_000,),
    "capitalize": ("x" * 90_000,),
    "trim": ("x" * 90_000,),
    "truncate": ("x" * 90_000, 80_000),
    "replace": ("x" * 30_000, "x", "yyy"),
    "split": ("x " * 40_000,),
    "join": (["x" * 90] * 900,),
    "center": ("x", 90_000),
    "indent": ("\n" * 900, 90),
    "slugify": ("x" * 60_000,),
    "urlencode": ("ä" * 9_000,),
    "strip_html": ("x" * 90_000,),
    "escape_html": ("<" * 20_000,),
    "json": (["x" * 90] * 900,),
    "string": (["x" * 90] * 900,),
    "slice": ([0] * 90_000, 0),
    "reverse": ([0] * 90_000,),
    "unique": (list(range(20_000)),),
    "flatten": ([[0, 1]] * 20_000,),
    "map": ([{"a": 1}] * 20_000, "a"),
    "where": ([{"a": 1}] * 20_000, "a"),
    "reject": ([{"a": 0}] * 20_000, "a"),
    "sort": ([1] * 9_000,),
    "range": (30_000,),
    "keys": ({str(i): i for i in range(20_000)},),
    "values": ({str(i): i for i in range(20_000)},),
    "items": ({str(i): i for i in range(20_000)},),
    "merge": ({str(i): i for i in range(20_000)}, {}),
}


@pytest.mark.parametrize("name", GROWING)
def test_a_function_charges_at_least_the_size_of_its_result(name: str) -> None:
    meter = Meter()
    made = OWN[name].run(meter, *GROWING[name])
    # in units of four bytes; a reference is two of them
    size = len(made) if isinstance(made, str) else 2 * len(made)
    assert LIMITS.memory - meter.memory >= size


@pytest.mark.parametrize("name", GROWING)
def test_a_function_without_budget_fails_before_it_works(name: str) -> None:
    meter = Meter()
    meter.memory = 10
    with pytest.raises(LanguageError) as caught:
        OWN[name].run(meter, *GROWING[name])
    assert caught.value.code == "limit.memory"


UNFORESEEN = [
    (ValueError("x"), "type"), (OverflowError("x"), "overflow"), (RecursionError("x"), "limit.depth"),
    (MemoryError("x"), "limit.memory"), (ZeroDivisionError("x"), "division"), (UnicodeError("x"), "type"),
    (RuntimeError("x"), "internal"), (KeyError("x"), "internal"), (TypeError("x"), "internal"),
]  # fmt: skip


@pytest.mark.parametrize("text", ["1 + (value | broken)", "{{ value }} {{ value | broken }}"])
@pytest.mark.parametrize(("problem", "code"), UNFORESEEN, ids=lambda item: type(item).__name__)
def test_any_exception_of_a_function_is_an_error_that_names_it_and_its_place(
    text: str, problem: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_meter: Meter, value: Any) -> Any:
        raise problem

    made = Function(name="broken", run=broken, parameters=OWN["is_null"].parameters, gives="text", aliases=(),
                    renamed={})  # fmt: skip
    monkeypatch.setitem(FUNCTIONS, "broken", made)
    cache = TEMPLATES if "{" in text else EXPRESSIONS
    cache.clear()
    with pytest.raises(LanguageError) as caught:
        cache.get(text).evaluate({"value": "v"})
    cache.clear()
    assert caught.value.code == code
    assert "broken" in caught.value.message
    assert text[caught.value.start : caught.value.end].startswith("value | broken")


def test_references_to_characters_that_do_not_exist_are_replaced() -> None:
    for reference in ("&#" + "1" * 5000 + ";", "&#x" + "f" * 9 + ";", "&#" + "0" * 5000 + ";"):
        assert Expression("value | strip_html").evaluate({"value": f"a{reference}b"}) == "a\ufffdb"
    assert Expression("value | strip_html").evaluate({"value": "&#0000065;&#x000041;"}) == "AA"


def test_a_slug_does_not_depend_on_the_marks_of_its_letters() -> None:
    text = "Cr\u00e8me Bru\u0302le\u0301e " * 20
    assert Expression("value | slugify").evaluate({"value": text}) == "-".join(["creme-brulee"] * 20)
    assert Expression("value | slugify").evaluate({"value": "a" + "\u0301\u0316" * 20_000}) == "a"


def test_null_is_an_argument_only_where_leaving_it_out_means_null() -> None:
    for text in (
        "'a' | indent(n)",
        "'a' | truncate(n)",
        "'a' | center(n)",
        "['a'] | join(n)",
        "'a' | replace('a', 'b', n)",
    ):
        with pytest.raises(LanguageError, match="this is null") as caught:
            Expression(text).evaluate({"n": None})
        assert caught.value.code == "type"
    for text, value in (("'a b' | split(n)", ["a", "b"]), ("2.6 | round(n)", 3), ("[2, 1] | sort(n)", [1, 2])):
        assert Expression(text).evaluate({"n": None}) == value
