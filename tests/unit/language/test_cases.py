"""The specification of the language: every row of the tables, in each syntax that supports it."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, Template

FOLDER = Path(__file__).parents[2] / "cases"
CONTEXT = json.loads((FOLDER / "language-context.json").read_text())


def rows(file: str) -> Iterator[Any]:
    for group, table in tomllib.loads((FOLDER / file).read_text()).items():
        for source, expected in table["rows"]:
            yield pytest.param(table.get("syntax", "template"), source, expected, id=f"{group}: {source!r:.60}")


EXPRESSIONS, TEMPLATES = list(rows("expressions.toml")), list(rows("templates.toml"))


def outcome(text: Template | Expression) -> Any:
    return text.render(CONTEXT) if isinstance(text, Template) else text.evaluate(CONTEXT)


def expect_error(make: type[Template] | type[Expression], source: str, codes: str) -> None:
    with pytest.raises(LanguageError) as caught:
        outcome(make(source))
    error = caught.value
    assert error.code in codes.split(), f"{error.code}: {error}"
    assert error.stage == "compile" if error.code.startswith("FB") else error.stage in ("compile", "run")
    assert error.message
    if not error.code.startswith("limit"):
        assert error.start is not None
        assert error.end is not None
        assert 0 <= error.start <= error.end <= len(source) + 1


def same(value: Any, expected: Any) -> bool:
    """Equal as JSON and of the same type: 1 is neither true nor 1.0."""
    return json.dumps(value) == json.dumps(expected)


@pytest.mark.parametrize(("syntax", "source", "expected"), EXPRESSIONS)
def test_an_expression_means_what_the_table_says(syntax: str, source: str, expected: str) -> None:
    forms: list[tuple[type[Template] | type[Expression], str]] = []
    if syntax in ("both", "expression"):
        forms.append((Expression, source))
    if syntax in ("both", "template"):
        forms.append((Template, "{{ " + source + " }}"))
    for make, text in forms:
        if expected.startswith("! "):
            expect_error(make, text, expected[2:])
        else:
            assert same(outcome(make(text)), json.loads(expected)), make.__name__


@pytest.mark.parametrize(("syntax", "source", "expected"), TEMPLATES)
def test_a_template_prints_what_the_table_says(syntax: str, source: str, expected: str) -> None:
    if expected.startswith("! "):
        expect_error(Template, source, expected[2:])
    else:
        assert outcome(Template(source)) == expected


def test_the_tables_have_hundreds_of_rows_and_no_row_twice() -> None:
    assert len(EXPRESSIONS) + len(TEMPLATES) >= 300
    for table in (EXPRESSIONS, TEMPLATES):
        texts = [(row.values[0], row.values[1]) for row in table]
        assert len(texts) == len(set(texts))
