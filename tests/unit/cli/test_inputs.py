"""The inputs of an execution, as they are written on the command line and in files."""

from __future__ import annotations

from typing import Any

import click
import pytest

from flowbuilder.cli.input.inputs import object_in_file, parse_value
from flowbuilder.json_schema import problems


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("1", {"enum": ["1", "2"]}, "1"),
        ("1", {"enum": [1, 2]}, 1),
        ("true", {"enum": ["true", "false"]}, "true"),
        ("3", {"enum": ["1", "2"]}, "3"),  # refused by the schema, as it was written
        ("null", {"enum": ["a", None]}, None),
        ("01", {"const": "01"}, "01"),
        ("1", {"type": ["string", "integer"], "enum": ["1"]}, "1"),
        ("5", {}, 5),
        ("x", {}, "x"),
        ("007", {"type": "string"}, "007"),
    ],
)
def test_a_value_is_read_by_its_schema(text: str, schema: dict[str, Any], value: Any) -> None:
    found = parse_value("a", text, schema)
    assert (found, type(found)) == (value, type(value))


def test_a_file_of_inputs_is_read_as_a_definition_is() -> None:
    assert object_in_file("on: yes\nday: 2026-01-01\n", "f") == {"on": "yes", "day": "2026-01-01"}
    assert object_in_file("", "f") == object_in_file("# nothing\n", "f") == object_in_file("null", "f") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nzip: 01234\n", "(line 2): 01234 begins with a zero"),
        ("- a\n- b\n", "a list"),
        ("a: b: c\n", "(line 1)"),
        ("a: 1\na: 2\n", "(line 2): duplicate name a"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("[1]", "a JSON array"),
        ("a: .nan\n", ".nan"),
    ],
)
def test_a_file_of_inputs_that_cannot_be_meant_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        object_in_file(text, "the file f")
    assert said in str(caught.value)


@pytest.mark.parametrize("url", ["https://example.com/a", "https://exämple.com/ü", "https://例え.jp/パス?q=値#節"])
def test_an_address_may_have_letters_of_every_script(url: str) -> None:
    assert problems({"type": "string", "format": "uri"}, url) == []


@pytest.mark.parametrize("text", ["no address", "/only/a/path", "https://a b", "https://a.com/[x]", ""])
def test_a_text_that_is_no_address_is_refused(text: str) -> None:
    ((_, message),) = problems({"type": "string", "format": "uri"}, text)
    assert "uri" in message
