"""Syntax of other languages: the error names the place and what to write instead."""

import pickle

import pytest

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, FieldExpression, Namespace, Shape, Template

# text, the part that the error points at, a part of the hint
TEMPLATES = [
    ("{{ page.title | upcase }}", "upcase", "value | upper"),
    ("{{ page.title | striptags }}", "striptags", "value | strip_html"),
    ("{{ page.title | truncate: 20 }}", ":", "value | truncate(...)"),
    ("{% assign x = 1 %}", "assign", "{% set name = value %}"),
    ("{% unless a %}x{% endunless %}", "unless", "{% if not ... %}"),
    ("{% if a %}{% elsif b %}{% endif %}", "elsif", "{% elif %}"),
    ("{{ $json.title }}", "$", "inputs.name or steps.name.output"),
    ("{{ $('Draft').item.json.x }}", "$", "inputs.name or steps.name.output"),
    ("{{ page.title.upper() }}", "upper()", "value | upper"),
    ("{{ page.title.toUpperCase() }}", "toUpperCase()", "value | upper"),
    ('{{ f"{x}" }}', '"', "texts have no prefix"),
    ("{{ a && b }}", "&", "`and`"),
    ("{{ !a }}", "!", "`not`"),
    ("{{ a ? b : c }}", "?", "then if test else otherwise"),
    ("{{ now() }}", "now", "execution.started_at"),
    ("{{ x | safe }}", "safe", "never escaped"),
    ("{% set x.y = 1 %}", "set", "one `set`"),
]
EXPRESSIONS = [
    ("${{ inputs.n }}", "$", "leave out the braces"),
    ("{{ inputs.n }}", "{", "leave out the braces"),
    ("{{ inputs.n }} > {{ inputs.m }}", "{", "leave out the braces"),
    ("{% if inputs.n %}true{% endif %}", "%", "leave out the braces"),
    ("$json.title == 1", "$", "inputs.name or steps.name.output"),
    ("startsWith(a, 'x')", "startsWith", "startswith"),
    ("toJSON(a)", "toJSON", "value | json"),
    ("format('{0}', a)", "format", "join texts"),
    ("always()", "always", "on_error"),
    ("f'{x}'", "'{x}'", "texts have no prefix"),
    ("x.upper()", "(", "value | upper"),
    ("a.includes('x')", "(", "value | contains"),
    ("a if b else c", "if", "test ? then : otherwise"),
    ("[x for x in y]", "for", "map"),
    ("lambda x: x", "x", "functions cannot be defined here"),
    ("x => x", "=", "functions cannot be defined here"),
    ("a === b", "=", "write =="),
    ("a = b", "=", "write =="),
    ("a <> b", ">", "write !="),
    ("a ?? b", "?", "default"),
    ("a?.b", ".", "default"),
    ("a & b", "&", "&&"),
    ("a ** 2", "*", "no power operator"),
    ("a ~ b", "~", "+"),
    ("a in (1, 2)", ",", "[1, 2]"),
    ("x[::2]", ":", "no step"),
    ("a.b.0", "0", "[0]"),
    ("1 < 2 < 3", "<", "a < b && b < c"),
    ("a AND b", "AND", "small letters"),
    ("str(x)", "str", "value | string"),
]


@pytest.mark.parametrize(("source", "part", "hint"), TEMPLATES)
def test_a_template_in_foreign_syntax_gets_a_hint(source: str, part: str, hint: str) -> None:
    with pytest.raises(LanguageError) as caught:
        Template(source)
    assert source[caught.value.start : caught.value.end] == part
    assert hint in caught.value.hint


@pytest.mark.parametrize(("source", "part", "hint"), EXPRESSIONS)
def test_an_expression_in_foreign_syntax_gets_a_hint(source: str, part: str, hint: str) -> None:
    with pytest.raises(LanguageError) as caught:
        Expression(source)
    assert source[caught.value.start : caught.value.end] == part
    assert hint in caught.value.hint


@pytest.mark.parametrize("source", ["a +", "a &&", "(a", ""])
def test_an_expression_that_ends_too_early_gets_no_hint_of_quotes(source: str) -> None:
    with pytest.raises(LanguageError) as caught:
        Expression(source)
    assert "quote" not in caught.value.hint


@pytest.mark.parametrize(
    ("source", "value"), [("{{ n + 1 }}", 3), (" {{n}}\n", 2), ("{{- n -}}", 2), ("{{ {'a': n}['a'] }}", 2)]
)
def test_a_field_takes_one_expression_in_braces(source: str, value: int) -> None:
    expression = FieldExpression(source)
    assert expression.evaluate({"n": 2}) == value
    (reference,) = expression.references
    assert source[reference.start : reference.end] == "n"
    assert expression.source == source
    assert pickle.loads(pickle.dumps(expression)).evaluate({"n": 2}) == value


@pytest.mark.parametrize(
    "source", ["{{ n }} > {{ n }}", "{% if n %}true{% endif %}", "{{ n", "n }}", "{{ {{ n }} }}", "{{ }}"]
)
def test_a_field_takes_no_other_template(source: str) -> None:
    with pytest.raises(LanguageError):
        FieldExpression(source)


NAMES = Namespace({"inputs": Shape.object_of({"tags": Shape.list_of(Shape.of("text")), "price": Shape.of("number")})})
CHECKED = [
    ("{% for t in inputs.tags %}{{ forloop.index }}{% endfor %}", "forloop", "loop.index"),
    ("{{ secrets.TOKEN }}", "secrets", "connection"),
    ("{{ env.HOME }}", "env", "never in scope"),
    ("{{ inputs.tags.length }}", "length", "inputs.tags | length"),
    ("${{ inputs.price }}", "${{ inputs.price", "leave out the $"),
]


@pytest.mark.parametrize(("source", "part", "hint"), CHECKED)
def test_a_foreign_name_is_found_by_the_checker(source: str, part: str, hint: str) -> None:
    _, (finding,) = Template(source).check(NAMES)
    assert source[finding.start : finding.end] == part
    assert hint in finding.hint


def test_the_error_of_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(LanguageError) as caught:
        Expression("input.url").evaluate({"inputs": {}, "site": {}})
    assert (caught.value.code, caught.value.stage) == ("undefined", "compile")
    assert caught.value.hint == "did you mean inputs?"
    with pytest.raises(LanguageError) as caught:
        Expression("zzz").evaluate({"inputs": {}, "site": {}})
    assert caught.value.hint == "visible here are: inputs, site"


def test_the_error_of_a_missing_member_names_the_value_that_was_found() -> None:
    context = {"steps": {"draft": {"output": {"title": "x", "rows": [{"term": "y"}], "none": None}}}}
    for source, message, hint in (
        ("steps.draft.output.titel", "steps.draft.output has no titel", "did you mean title?"),
        ("steps.draft.output.rows.term", "steps.draft.output.rows is a list and has no term", 'rows | map("term")'),
        ("steps.draft.output.rows[3]", "steps.draft.output.rows has no item 3: it has 1", "default"),
        ("steps.draft.output.none.x", "steps.draft.output.none is null and has no x", "default"),
        ("steps.draft.output.title.x", "steps.draft.output.title is text and has no x", "default"),
    ):
        with pytest.raises(LanguageError) as caught:
            Expression(source).evaluate(context)
        assert str(caught.value) == message
        assert hint in caught.value.hint
        assert source[caught.value.start : caught.value.end] == source
