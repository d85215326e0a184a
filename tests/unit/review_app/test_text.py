"""Displayed text: no invisible characters, no Markdown or HTML injection, times and fields in words."""

from __future__ import annotations

import ast
import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import review_app
from flowbuilder.model.invisible_characters import hidden_characters, visible
from review_app import times
from review_app.fields import as_text, fields
from review_app.markdown_escape import attribute, escaped, label

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARKDOWN = MarkdownIt("commonmark", {"linkify": False}).enable(["strikethrough", "table"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\x00\x1b[31m", "⟨U+0000⟩⟨U+001B⟩[31m"),
        ("a\u00adb", "a⟨U+00AD⟩b"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("\u3164", "⟨U+3164⟩"),
        ("a\tb\nc\r\nd", "a\tb\nc\nd"),
        ("a\rb", "a⟨U+000D⟩b"),
        ("👩\u200d💻 ❤\ufe0f naïve 日本 עברית", "👩\u200d💻 ❤\ufe0f naïve 日本 עברית"),
    ],
)
def test_invisible_characters_are_shown_as_codes(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_hidden_characters_are_counted_without_written_codes() -> None:
    assert len(list(hidden_characters("a\u200bb\u202e ⟨U+200B⟩"))) == 2


@given(st.text())
def test_escaped_text_has_no_markup_and_reads_the_same(text: str) -> None:
    inside = re.sub(r'<span class="fb-unseen">|</span>', "", escaped(text))
    assert "<" not in inside
    assert html.unescape(inside) == visible(text)
    assert '"' not in attribute(text)


@given(st.text(alphabet=st.sampled_from("![](){}<>*_`#+-.:|~$\\&^=@/\"'ahtps 1\n"), max_size=60))
def test_a_label_renders_as_the_text_itself(text: str) -> None:
    tokens = MARKDOWN.parseInline(label(text))[0].children or []
    assert {token.type for token in tokens} <= {"text", "text_special"}
    line = " ".join(text.split())
    assert "".join(token.content for token in tokens).replace("\u2060", "") == line


def test_a_label_contains_no_streamlit_directive_url_or_icon() -> None:
    shown = label(":red[x] :material/home: :smile: :100: https://evil.test WWW.evil.test a.b@evil.test -> <- --")
    late = re.sub(r"\\(.)", r"\1", shown)
    for pattern in (r":[^\s\u2060]", r"https?://", r"www(?=\.)", r"[-.\w+]+@[-\w]+", "->", "<-", "--"):
        assert not re.search(pattern, late, re.IGNORECASE), pattern
    assert late.replace("\u2060", "").endswith("a.b@evil.test -> <- --")


def test_a_label_is_cut() -> None:
    assert label("word " * 100, 20).replace("\\", "") == "word word word word…"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "59 s ago"), (3_700, "1 h ago"), (200_000, "2 d ago"), (-7_300, "in 2 h")],
)
def test_relative_times(seconds: int, said: str) -> None:
    assert times.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_due_and_overdue() -> None:
    assert times.due(NOW + timedelta(days=2), NOW) == ("Due in 2 d", False)
    assert times.due(NOW - timedelta(hours=3), NOW) == ("Overdue by 3 h", True)
    assert times.elapsed(None, NOW) == ""
    assert times.span(0.25) == "250 ms"


def test_fields_of_two_objects_are_compared() -> None:
    found = [(each.name, each.state) for each in fields({"a": 1, "b": "x", "c": 3}, {"b": "y", "a": 1, "d": None})]
    assert found == [("b", "changed"), ("a", "same"), ("d", "added"), ("c", "removed")]


def test_a_value_that_is_no_object_is_one_field() -> None:
    (only,) = fields("old", {"a": 1})
    assert (only.name, only.old, only.new) == ("", "old", '{\n  "a": 1\n}')
    assert as_text(None) == ""
    assert as_text(False) == "false"


MARKDOWN_CALLS = {"markdown", "write", "error", "warning", "info", "success", "caption", "title", "header", "subheader"}


def calls() -> list[tuple[str, str, ast.Call]]:
    found = []
    for file in sorted(Path(review_app.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found.append((file.name, ast.unparse(node.func), node))
    return found


def test_no_page_passes_text_to_markdown_or_html() -> None:
    seen = 0
    for file, name, call in calls():
        kind = name.removeprefix("st.")
        if name == f"st.{kind}" and kind in MARKDOWN_CALLS:
            seen += 1
            assert isinstance(call.args[0], ast.Constant), f"{file}: {ast.unparse(call)}"
        if name == "st.toast":
            seen += 1
            assert ast.unparse(call.args[0]).startswith("label("), f"{file}: {ast.unparse(call)}"
        if name == "st.html":
            seen += 1
            assert file in ("page_frame.py", "main.py"), f"{file}: HTML is drawn by page_frame.show"
        assert not {"unsafe_allow_html", "unsafe_allow_javascript"} & {each.arg for each in call.keywords}, file
    assert seen >= 4
