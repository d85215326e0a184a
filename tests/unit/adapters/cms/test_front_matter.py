"""Front matter is edited in place."""

import time

import pytest

from flowbuilder.adapters.cms.front_matter import parse_document
from flowbuilder.errors import StepError

FILE = """---
# kept
title: Green tea   # the old name
tags: [tea,
  green]
description: >
  All about
  tea
date: 2021-02-03
---

# Green tea
"""


def test_a_file_is_its_head_and_its_body():
    document = parse_document(FILE)
    assert (document.text, document.body) == (FILE, "# Green tea\n")
    assert (document.field("title"), document.field("description")) == ("Green tea", "All about tea\n")


def test_only_the_field_that_is_set_changes():
    changed = parse_document(FILE).with_field("description", 'Tea: "all"').text
    assert changed == FILE.replace("description: >\n  All about\n  tea\n", 'description: "Tea: \\"all\\""\n')


def test_a_new_field_comes_last():
    assert parse_document("---\na: 1\n---\nx").with_field("title", "T").text == '---\na: 1\ntitle: "T"\n---\nx'


def test_a_file_without_front_matter_gets_one():
    assert parse_document("x\n").with_field("title", "T").text == '---\ntitle: "T"\n---\n\nx\n'


HEADS = [
    "",
    "\ufeff",
    "---\na: 1\n---\n",
    "---\na: 1\n---\n\n",
    "---\r\na: 1\r\n---\r\n\r\n",
    "---\n---\n",
    "---\na: 1\n---",
]
BODIES = ["x", "\nx", "\n\nx\n", "", "---", "\r\nx", "- a\n", "---\n\nx\n"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_written_as_it_is_with_the_same_bytes_before_it(head, body):
    document = parse_document(head if head.endswith("-") else head + "old")
    changed = document.with_body(body)
    ends_the_fence = "\n" if head.endswith("-") and body and body[0] not in "\r\n" else ""
    assert changed.text == head + ends_the_fence + body
    assert parse_document(changed.text).with_body(body).text == changed.text


@pytest.mark.parametrize("head", [head for head in HEADS if head.endswith(("-\n\n", "-\r\n\r\n"))])
@pytest.mark.parametrize("body", [*BODIES, "---\ny: 2\n---\nx"])
def test_a_body_reads_back_as_it_was_written(head, body):
    assert parse_document(parse_document(head + "old").with_body(body).text).body == body


def test_a_body_that_would_become_front_matter_is_refused():
    for body in ("---\ny: 2\n---\nx", "+++\ny = 2\n+++\n", '{"y": 2}\nx'):
        with pytest.raises(StepError, match="front matter"):
            parse_document("old").with_body(body)


def test_front_matter_that_is_not_yaml_is_an_error_of_the_step():
    with pytest.raises(StepError, match="front matter"):
        parse_document("---\na: [\n---\nx").field("title")


HOSTILE = {
    "dotted keys": "+++\ntitle = 'x'\n" + "a" + ".a" * 29_000 + " = 1\n+++\n",
    "tables in a list": "+++\ntitle = 'x'\na = " + "[" * 490 + "\n+++\n",
    "values of TOML": "+++\ntitle = 'x'\na = [" + "1," * 30_000 + "]\n+++\n",
    "braces of YAML": "---\ntitle: x\na: " + "{" * 1_900 + "}" * 1_900 + "\n---\n",
    "an alias of itself": "---\ntitle: x\na: &a [*a]\n---\n",
    "brackets of JSON": '{"title": "x", "a": ' + "[" * 30_000 + "]" * 30_000 + "}\n",
    "comments of a script": "---js\n{title: 'x', " + "/*" * 30_000 + "\n---\n",
    "quotes of a script": "---js\n{title: 'x', " + '"' * 59_999 + "\n---\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_front_matter_that_is_made_to_cost_much_is_refused_at_once(text):
    begun = time.process_time()
    with pytest.raises(StepError) as caught:
        parse_document(text).with_field("title", "New")
    assert caught.value.code == "front_matter"
    assert time.process_time() - begun < 3
    assert parse_document(text).text == text


def test_a_body_that_opens_with_a_blank_line_takes_a_title_too() -> None:
    document = parse_document("---\ntitle: Tea\n---\n").with_body("\n\nNew.\n")
    assert document.with_field("title", "Coffee").text == '---\ntitle: "Coffee"\n---\n\n\nNew.\n'
