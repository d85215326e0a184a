"""Every form of front matter: an edit changes the bytes of one value, and other programs read the new one."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from flowbuilder.adapters.cms.front_matter import parse_document
from flowbuilder.errors import StepError


@dataclass(frozen=True)
class Case:
    """A file with `OLD` where the title is written, and how its front matter is read."""

    text: str
    suffix: str = "md"


CASES = {
    "yaml": Case("---\ntitle: OLD\nversion: 1.10\n---\n\nBody.\n"),
    "yaml, quoted": Case("---\nlayout: post\ntitle: 'OLD' # under 60\n# by legal\ntags: [a,\n  b]\n---\nBody.\n"),
    "yaml, quoted key": Case('---\n"title": "OLD"\n---\n\nBody.\n'),
    "yaml, Title": Case("---\nTitle: OLD\ndate: 2024-01-01\n---\n\nBody.\n"),
    "yaml, BOM and CRLF": Case("\ufeff---\r\ntitle: OLD # kept\r\ndraft: true\r\n---\r\n\r\nBody.\r\n"),
    "yaml, indented": Case("---\n  title: OLD\n  draft: no\n---\nBody.\n"),
    "yaml, in braces": Case("---\n{title: OLD, draft: true}\n---\nBody.\n"),
    "yaml, anchor": Case("---\ntitle: &t OLD\nmore: &m {a: 1}\nagain: *m\n---\nBody.\n"),
    "yaml, tag": Case("---\ntitle: !!str OLD\n---\nBody.\n"),
    "yaml, long fences": Case("-----\ntitle: OLD\n-----\nBody.\n"),
    "yaml, dots": Case("---\ntitle: OLD\n...\nBody.\n"),
    "yaml, named": Case("---yaml\ntitle: OLD\n---\nBody.\n"),
    "yaml, explicit": Case("---\n? title\n: OLD\n---\nBody.\n"),
    "yaml of HTML": Case("---\ntitle: OLD\n---\n<h1>Tea</h1>\n", suffix="html"),
    "yaml, no end": Case("---\ntitle: OLD\n---"),
    "toml": Case('+++\n# c\ntitle = "OLD" # under 60\ndate = 2024-01-01\n[params]\ntitle = "x"\n+++\n\nBody.\n'),
    "toml, literal": Case("+++\r\n  title   =   'OLD'\r\nweight = 1.10\r\n+++\r\nBody.\r\n"),
    "toml, quoted key": Case('\ufeff+++\n"title" = "OLD"\n+++\nBody.\n'),
    "toml, lines": Case('+++\ntitle = """\nOLD"""\n[[x]]\na = 1\n+++\nBody.\n'),
    "toml, named": Case('---toml\ntitle = "OLD"\n---\nBody.\n'),
    "json": Case('{\n  "title": "OLD",\n  "version": 1.10,\n  "deep": {"title": "x"}\n}\n\nBody.\n'),
    "json, named": Case('---json\r\n{"a": [1], "title": "OLD"}\r\n---\r\nBody.\r\n'),
    "json of Hexo": Case(';;;\n"title": "OLD",\n"a": 1\n;;;\nBody.\n'),
    "js": Case("---js\n{\n  // c\n  date: new Date(1, 2),\n  title: 'OLD', tags: [`a`],\n}\n---\nBody.\n"),
}
NEW = [
    "New",
    'It\'s: "new" # 1',
    "1.10",
    "no",
    "~",
    "- a",
    "[x]",
    "ü 😀\u2028\x85\ufeff",
    "a\nb\n",
    " x ",
    "C:\\n",
    "${x} `y`",
    "*t",
]


def read_by_others(text: str) -> dict[str, Any]:
    """The front matter, as the parsers of generators read it."""
    text = text.removeprefix("\ufeff")
    fence, _, rest = text.partition("\n")
    fence = fence.rstrip()
    if text.startswith("{"):
        return json.JSONDecoder().raw_decode(text)[0]
    inner = rest[
        : min(
            at
            for at in (rest.find(f"\n{mark}") for mark in (fence.rstrip("abcdefghijklmnopqrstuvwxyz"), "..."))
            if at >= 0
        )
        + 1
    ]
    if fence in ("+++", "---toml"):
        return tomllib.loads(inner.replace("\r\n", "\n"))
    if fence == "---json":
        return json.loads(inner)
    if fence == ";;;":
        return json.loads(f"{{{inner}}}")
    if fence == "---js":
        return {}
    old, new = yaml.safe_load(inner), YAML(typ="safe").load(inner)
    assert old.keys() == new.keys()
    assert [value for key, value in old.items() if key.lower() == "title"] == [
        value for key, value in new.items() if key.lower() == "title"
    ]
    return old


@pytest.mark.parametrize("value", NEW)
@pytest.mark.parametrize("name", CASES)
def test_a_title_is_changed_where_it_is(name: str, value: str) -> None:
    case = CASES[name]
    document = parse_document(case.text, case.suffix)
    assert document.field("title") == "OLD"
    changed = document.with_field("title", value).text
    start, end = case.text.split("OLD")
    for quote in ('"""\n', '"', "'", ""):
        if start.endswith(quote) and end.startswith(quote.strip()):
            start, end = start.removesuffix(quote), end.removeprefix(quote.strip())
    assert changed.startswith(start)
    assert changed.endswith(end)
    assert parse_document(changed, case.suffix).field("title") == value
    if "---js" not in changed:
        held, made = read_by_others(case.text), read_by_others(changed)
        key = next(key for key in made if key.lower() == "title")
        assert made == {**held, key: value}


@pytest.mark.parametrize("name", CASES)
def test_a_description_is_added_as_one_line_and_nothing_else_changes(name: str) -> None:
    case = CASES[name]
    document = parse_document(case.text, case.suffix)
    if name == "yaml, in braces":
        with pytest.raises(StepError, match="braces"):
            document.with_field("description", "About")
        return
    changed = document.with_field("description", 'About "tea".').text
    assert parse_document(changed, case.suffix).field("description") == 'About "tea".'
    added = next(line for line in changed.splitlines(keepends=True) if "description" in line)
    assert ("\r\n" in added) == ("\r\n" in case.text)
    if "---js" not in changed:
        assert read_by_others(changed) == {**read_by_others(case.text), "description": 'About "tea".'}
    length = len(changed) - len(case.text)
    assert any(changed[:at] + changed[at + length :] == case.text for at in range(len(case.text) + 1))
    assert 0 < length < 40


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("body", ["", "x", "\n\nx\n", "---\na: 1\n---\n", "# T\r\n"])
def test_a_body_is_changed_and_no_byte_before_it(name: str, body: str) -> None:
    case = CASES[name]
    document = parse_document(case.text, case.suffix)
    head = case.text[: len(case.text) - len(document.body)]
    ends_the_fence = "" if head.endswith("\n") or body[:1] in ("", "\n") else "\n"
    assert document.with_body(body).text == head + ends_the_fence + body


texts = st.text(st.characters(codec="utf-8"), max_size=30)
scalars = st.sampled_from(
    ["a", "1.10", "no", "12:30", "~", "'it''s'", '"q"', "2024-01-01", "x # c", ">\n  two\n  lines", "[a, b]"]
)
lines = st.sampled_from(["", "# comment", "tags:\n- a\n- b", "deep:\n  title: inner", "base: &b {x: 1}"])


@given(st.lists(st.tuples(st.sampled_from("abc"), scalars), max_size=3, unique_by=lambda pair: pair[0]),
       st.lists(lines, max_size=3, unique=True), scalars, texts, texts, st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_any_yaml_is_edited_in_place_or_left_alone(pairs, extra, old, value, body, newline) -> None:
    fields = [*(f"{key}: {scalar}" for key, scalar in pairs), *extra]
    fields.insert(len(fields) // 2, f"title: {old}")
    text = newline.join(["---", *"\n".join(fields).split("\n"), "---", ""]) + body
    document = parse_document(text)
    assert document.text == text
    try:
        changed = document.with_field("title", value)
    except StepError:
        assert old == "[a, b]"
        return
    assert changed.body == document.body
    assert parse_document(changed.text).field("title") == value
    before, after = yaml.safe_load(document.inner), yaml.safe_load(changed.inner)
    assert after == {**before, "title": value}
    unchanged = [line for line in document.inner.splitlines() if not line.startswith(("title:", "  two", "  lines"))]
    assert [line for line in changed.inner.splitlines() if line in unchanged] == unchanged


@given(texts)
def test_any_text_is_split_and_joined_without_loss(text: str) -> None:
    for start in ("", "---\n", "---\na: 1\n---", "+++\n", "{", ";;;\n", "\ufeff"):
        document = parse_document(start + text)
        assert document.text == start + text
        assert document.with_body(document.body) == document


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("<h1>Tea</h1>", "html"),
        ("title: Old\n---\nBody\n", "md"),
        ("\n---\ntitle: Old\n---\nBody\n", "md"),
        ("---\ntitle: Old\n\nno end\n", "md"),
        ("export const metadata = {title: 'Old'}\n\n# Tea\n", "mdx"),
        ('{"title": }\nBody\n', "md"),
        ("---js\nconst title = 'Old';\n---\nBody\n", "md"),
        ("---\nconst title = 'Old';\n---\n<h1>{title}</h1>\n", "astro"),
        ("---\ntitle: [a]\n---\n", "md"),
        ("---\ntitle: a\ntitle: b\n---\n", "md"),
        ("---\ntitle: a\nTitle: b\n---\n", "md"),
        ("---\ntitle: &t Old\nslug: *t\n---\n", "md"),
        ("+++\ntitle = ['a']\n+++\n", "md"),
        ("---js\n{title: `a ${b}`}\n---\n", "md"),
        ("---js\n{title: a + b}\n---\n", "md"),
    ],
)
def test_a_form_that_cannot_be_kept_is_refused(text: str, suffix: str) -> None:
    document = parse_document(text, suffix)
    assert document.text == text
    with pytest.raises(StepError) as caught:
        document.with_field("title", "New")
    assert (caught.value.code, caught.value.definitive) == ("front_matter", True)
    assert document.with_body(document.body + "more").text == text + "more"


@pytest.mark.parametrize(
    ("scalar", "text"),
    [("1.10", "1.10"), ("No", "No"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("0o14", "0o14"), ("~", ""),
     ("", ""), ("|\n  a\n  b\n", "a\nb\n"), (">-\n  a\n  b\n", "a b"), ("'it''s'", "it's"), (r'"\u00fc"', "ü")],
)  # fmt: skip
def test_a_scalar_is_read_as_its_characters(scalar: str, text: str) -> None:
    assert parse_document(f"---\ntitle: {scalar}\n---\n").field("title") == text


def test_an_alias_and_a_merged_field_are_read_and_an_alias_is_replaced() -> None:
    document = parse_document("---\nname: &n Old\ntitle: *n\nbase: &b {description: About}\n<<: *b\n---\n")
    assert (document.field("title"), document.field("description")) == ("Old", "About")
    assert document.with_field("title", "New").text == document.text.replace("*n", '"New"')


def test_text_between_two_rules_is_body() -> None:
    for text in ("---\n\nA rule first.\n\n---\n\nMore.\n", "---\nJust text.\n---\n", "---\n\nSee: a: b.\n\n---\n"):
        assert parse_document(text).body == text
