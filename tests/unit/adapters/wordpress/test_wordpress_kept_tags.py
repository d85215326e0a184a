"""A passage of WordPress that is changed keeps what it has, and only what is new in it is cleaned."""

from __future__ import annotations

import pytest

from flowbuilder.adapters.cms.wordpress import publishable
from flowbuilder.errors import StepError
from tests.unit.adapters.wordpress.kinds_of_content import KINDS

FILM = '<iframe width="560" src="https://v.example/1" allowfullscreen></iframe>'
PASSAGES = {
    "a frame": f"Watch {FILM} today.",
    "a form": '<form action="/s"><input type="text" name="q"><button onclick="go()">Go</button></form>\nsearch today',
    "a plug-in": '<object width="4"><param name="m" value="x.swf"><embed src="x.swf"></object>\ntoday',
    "a handler": '<p onclick="track()">Buy <a href="javascript:void(0)" onclick=buy()>now</a> today</p>',
    "a drawing": 'Logo <svg viewBox="0 0 1 1"><path d="M0"/></svg> of today.',
    "a style": "<style>p > b { color: red }</style>\nRed today.",
    "a script": '<script async src="https://x.example/w.js"></script>\n<div id="w">today</div>',
    "a choice": '<select name="a"><option value="1" selected>One</option></select> today',
    "a cell": '<table onclick="x"><tr onmouseover="y"><td onclick="z" bgcolor=red>today</td></tr></table>',
    "no script": '<noscript><img src="https://t.example/p.gif" onerror="x"></noscript>today',
    "capitals": '<IFRAME SRC="/x"></IFRAME> <FORM ACTION=/x>today</FORM>',
    "an element of a plug-in": '<my-widget data-id="3" on-x="1"><slot name=a></slot></my-widget> today',
    "old HTML": "<marquee>x</marquee><center><font size=3>today</font></center>",
    "a template": "{{x}} <?php echo 1; ?> today",
    "a mark of the byte order": "\ufeff<p>today</p>",
    "what looks like Markdown": "Menu\n\n* star\n\n1986. A year of *today*",
    "elements that are not closed": '<form action="/s"><input name="q"><div class=a>today',
    "a field": '<textarea name="a" required>\n\nx</textarea> today',
    "custom HTML": f"<!-- wp:html -->\n{FILM}\n<p>today</p>\n<!-- /wp:html -->",
}


@pytest.mark.parametrize("name", PASSAGES)
def test_a_word_of_a_passage_is_changed_and_nothing_else(name: str) -> None:
    base = f"Intro.\n\n{PASSAGES[name]}\n\n<p>End.</p>"
    proposal = base.replace("today", "tomorrow")
    found = publishable("body", base, proposal)
    assert (found.text, found.findings) == (proposal, ())


@pytest.mark.parametrize("name", PASSAGES)
def test_text_behind_a_passage_without_an_empty_line_changes_nothing_before_it(name: str) -> None:
    base = f"Intro.\n\n{PASSAGES[name]}"
    proposal = f"{base}\n<p>New.</p>"
    found = publishable("body", base, proposal)
    assert (found.text, found.findings) == (proposal, ())


REARRANGED = ("what looks like Markdown", "a cell", "elements that are not closed")
"""Passages that a parser writes otherwise where something in them is taken out."""


@pytest.mark.parametrize("name", [name for name in PASSAGES if name not in REARRANGED])
def test_what_is_new_in_a_passage_is_taken_out_and_told(name: str) -> None:
    base = f"Intro.\n\n{PASSAGES[name]}"
    evil = '<iframe src="https://other.example"></iframe><b onclick="x()">new</b><script>x()</script>'
    found = publishable("body", base, base.replace("today", f"{evil} today"))
    assert found.text == base.replace("today", "<b>new</b> today")
    assert [finding["rule"] for finding in found.findings] == ["taken_out"] * 3


def test_what_the_page_has_once_stays_once() -> None:
    base = f"Watch {FILM} today."
    found = publishable("body", base, f"{base}\n\nAgain {FILM} there.")
    assert found.text == f"{base}\n\nAgain  there."
    moved = f"Intro.\n\nWatch tomorrow {FILM}."
    assert publishable("body", base, moved).text == moved
    both = publishable("body", base, f"Watch {FILM} tomorrow. {FILM}")
    assert both.text == f"Watch {FILM} tomorrow. "
    assert len(both.findings) == 1


def test_the_end_of_an_element_stays_only_with_its_start() -> None:
    base = '<form action="/s">Name today</form>'
    found = publishable("body", base, '<form action="/s"><form action="/other">x</form> Name tomorrow</form>')
    assert found.text == '<form action="/s">x Name tomorrow</form>'


def test_a_mark_in_the_text_itself_stands_for_nothing() -> None:
    base = f"Watch {FILM} today."
    proposal = base.replace("today", '<b data-kept="kept-0">x</b>')
    assert publishable("body", base, proposal).text == proposal


OPEN = {
    "<script>": "<script>a = 1 < 2",
    "<style>": "<style>p {}",
    "<!--": "<!-- a note",
    "<textarea>": "<textarea>text",
    "<iframe>": '<iframe src="/x">',
    "<a>": 'See <a href="/x',
}


@pytest.mark.parametrize("before", ["", f"{FILM}\n\n", "<!-- wp:html -->\n"])
@pytest.mark.parametrize("left", OPEN)
def test_new_text_in_what_the_page_leaves_open_is_refused_with_the_reason(left: str, before: str) -> None:
    base = f"<p>Text</p>\n\n{before}{OPEN[left]}"
    for between in ("\n\n", "", "\n"):
        with pytest.raises(StepError, match="close it there first") as caught:
            publishable("body", base, f"{base}{between}<p>New.</p>")
        assert caught.value.code == "not_publishable"
        assert f"leaves {left} open" in str(caught.value)
    changed = base.replace("Text", "Tea")
    assert publishable("body", base, changed).text == changed


def test_text_that_is_unsafe_only_beside_the_page_is_refused_and_no_byte_of_the_page_changes() -> None:
    base = f"<p>{FILM}</p>\n\nThe middle."
    proposal = f'<p>{FILM}</p>\n\nx <b title="\n\nThe middle.\n\n" onmouseover="x()">y</b>'
    with pytest.raises(StepError) as caught:
        publishable("body", base, proposal)
    assert caught.value.code == "not_publishable"


@pytest.mark.parametrize("name", KINDS)
def test_every_word_of_any_content_can_be_changed(name: str) -> None:
    content = KINDS[name]
    at = content.rfind("x</") if "x</" in content else -1
    if at < 0 or content.rfind("<script", 0, at) > content.rfind("</script", 0, at):
        content, at = f"{content}\n<p>x</p>", len(content) + 4
    proposal = f"{content[:at]}tea{content[at + 1 :]}"
    assert publishable("body", content, proposal).text == proposal


def test_markdown_behind_a_block_that_is_left_open_becomes_blocks() -> None:
    base = KINDS["not closed"]
    found = publishable("body", base, f"{base}\n\n## New *tea*\n\nHot.")
    heading = '<!-- wp:heading -->\n<h2 class="wp-block-heading">New <em>tea</em></h2>\n<!-- /wp:heading -->'
    assert found.text == f"{base}\n\n{heading}\n\n<!-- wp:paragraph -->\n<p>Hot.</p>\n<!-- /wp:paragraph -->"
