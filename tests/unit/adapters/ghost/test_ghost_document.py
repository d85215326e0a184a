"""A Ghost document as a text of blocks, and back without loss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbuilder.adapters.cms.ghost.document import canonical, lexical_of, text_of
from flowbuilder.errors import StepError
from tests.support.ghost_documents import KINDS, document, text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_block_goes_to_a_text_and_comes_back_byte_for_byte(kind: str) -> None:
    lexical = document(*KINDS[kind])
    body = text_of(lexical)
    assert lexical_of(body, lexical) == lexical
    assert canonical(body) == body
    assert text_of(lexical_of(body, "")) == body


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_that_is_added_leaves_all_others_as_they_are(kind: str) -> None:
    lexical = document(*KINDS[kind])
    longer = json.loads(lexical_of(f"{text_of(lexical)}\n\n<p>More.</p>".strip(), lexical))
    kept = json.loads(lexical)["root"]["children"]
    assert longer["root"]["children"][: len(kept)] == kept or text_of(lexical) == ""
    assert text_of(json.dumps(longer)).endswith("<p>More.</p>")


READABLE = {
    "<p>a &amp; b</p>": "a paragraph",
    "<p><strong>a</strong> <em>b</em> <code>c</code></p>": "formats",
    '<p><a href="https://x.example/?a=1&amp;b=2" rel="nofollow">a</a><br>b</p>': "a link and a line break",
    '<h2>a</h2>\n\n<ol start="3">\n<li>b</li>\n<li><ul>\n<li>c</li>\n</ul></li>\n</ol>': "a heading and a nested list",
    "<blockquote>a</blockquote>\n\n<aside>b</aside>\n\n<hr>": "quotes and a rule",
    '<pre><code class="language-py">if a &lt; b:\n\n    pass</code></pre>': "code with an empty line",
    '<figure class="kg-width-wide"><a href="/x"><img src="a.png" alt="A" width="3" height="4"></a>'
    "<figcaption>c <b>d</b></figcaption></figure>": "an image",
    "<table>\n<tr><td>1</td></tr>\n</table>": "an HTML card",
    "<!--kg-card-begin: html-->\n<div>\n\n</div>\n<!--kg-card-end: html-->": "an HTML card with an empty line",
    "<!--kg-card-begin: markdown-->\n# a\n\nb\n<!--kg-card-end: markdown-->": "a Markdown card",
    '<!--kg-card: {"type":"gallery","version":1,"images":[]}-->': "any other card",
    "": "nothing",
}


@pytest.mark.parametrize("body", READABLE, ids=list(READABLE.values()))
def test_a_body_in_the_form_of_blocks_stays_as_it_is(body: str) -> None:
    assert canonical(body) == body
    assert text_of(lexical_of(body, "")) == body


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("<p>a</p>\n<p>b</p>", "<p>a</p>\n\n<p>b</p>"),
        ("<p>a\n   b</p>\n", "<p>a b</p>"),
        ("<p><b>a</b><br/></p>", "<p><strong>a</strong><br></p>"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "<ul>\n<li>a</li>\n<li><ul>\n<li>b</li>\n</ul></li>\n</ul>"),
        ("Plain & text", "<p>Plain &amp; text</p>"),
        (
            "<table>\n\n<tr><td>1</td></tr></table>",
            "<!--kg-card-begin: html-->\n<table>\n\n<tr><td>1</td></tr></table>\n<!--kg-card-end: html-->",
        ),
        ("<p>a <b>b</p>", "<!--kg-card-begin: html-->\n<p>a <b>b</p>\n<!--kg-card-end: html-->"),
        ('<p class="x">a</p>', '<p class="x">a</p>'),
    ],
)
def test_html_in_another_form_becomes_blocks(written: str, held: str) -> None:
    assert canonical(written) == held
    assert canonical(held) == held


def test_what_no_reader_sees_does_not_make_a_block_unreadable() -> None:
    paragraph = {**text("Tea"), "direction": None, "textFormat": 0, "textStyle": ""}
    heading = {**text("Tea", "heading"), "tag": "h2"}
    assert text_of(document(paragraph, heading)) == "<p>Tea</p>\n\n<h2>Tea</h2>"


@pytest.mark.parametrize(
    "more", [{"format": "center"}, {"indent": 1}, {"direction": "rtl"}, {"style": "color:red"}], ids=str
)
def test_a_paragraph_with_more_than_html_can_say_is_shown_as_its_json(more: dict[str, Any]) -> None:
    assert text_of(document({**text("Tea"), **more})).startswith("<!--kg-card: {")


def test_a_text_that_looks_like_a_card_or_a_tag_is_none() -> None:
    said = '<!--kg-card: {"type":"html","version":1,"html":"<script>"}--> </p><hr>'
    body = text_of(document(text(said)))
    assert "<!--" not in body
    assert json.loads(lexical_of(body, ""))["root"]["children"][0]["children"][0]["text"] == said


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"root": 1}', '{"root": {"children": [1]}}', "[" * 100_000])
def test_an_answer_that_is_no_document_is_an_error(answer: str) -> None:
    with pytest.raises(StepError) as caught:
        text_of(answer)
    assert caught.value.code == "bad_answer"


@settings(deadline=None)
@given(st.text(alphabet="<>/p&;-! \n\tabh123\"'=lkigcrd{}:[]\u00a0\u200b\x00é", max_size=120))
def test_any_text_becomes_a_document_that_says_the_same_again(written: str) -> None:
    body = canonical(written)
    assert canonical(body) == body
    assert text_of(lexical_of(body, "")) == body


_LETTERS = st.text(alphabet="ab <>&;\n\t\r\u00a0\u2028\x00\"'é/", min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(_LETTERS, st.integers(0, 255), st.sampled_from(["paragraph", "extended-quote"])), max_size=6))
def test_any_text_of_a_document_comes_back(parts: list[tuple[str, int, str]]) -> None:
    lexical = document(*(text(said, kind, form=form) for said, form, kind in parts))
    assert lexical_of(text_of(lexical), lexical) == lexical


@pytest.mark.parametrize(
    "unit", ["<p>", "<!--kg-card-begin: html-->\n\n", "<pre><code\n\n", "\n\n<div>", "<ul><li>", '<a href="']
)
def test_a_body_that_closes_nothing_takes_no_quadratic_time(unit: str) -> None:
    assert canonical(unit * (200_000 // len(unit)))
