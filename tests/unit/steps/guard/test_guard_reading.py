"""How `guard` reads a text: the same blocks and links as CommonMark, in bounded time for any text."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from flowbuilder.steps.builtin.guard.blocks import MAX_BLOCKS, read_document
from flowbuilder.steps.builtin.guard.change import MAX_TEXT
from flowbuilder.steps.builtin.guard.comparison import findings_of
from flowbuilder.steps.builtin.guard.document import Document
from flowbuilder.steps.builtin.guard.languages import language_of
from tests.support.proof import sample
from tests.support.worst_inputs import calibration

PAGE = """# Brewing *tea*

Tea ========
Water, `a [b](c)` and [storing](/store "How to store") it, see <https://tea.example/a> \\[no\\](link).
Second line with ![A kettle](/kettle.png) and a [reference][Ref], a [ref] and [another][].

Setext two
----------

1. Boil the water.
2. Let it cool:

   ```sh
   cool --to 80 # [no](link)
   ```

   And [wait](/wait).
3. Pour.

- one
    - two [deep](/deep)

      more of two
- three

> Quoted with [a link](/quoted).
>
> ~~~
> fenced [in](quote)
> ~~~

    indented [code](no)

| tea | water |
|-----|------:|
| green | 80 [°C](/celsius) |

``double ` tick [no](x)`` and [`code` text](/code) and [outer ![alt](/inner.png)](/outer).

## Closed ##

[Ref]: /reference
[another]: <https://another.example/> 'Title'

***

````md
```
nested [no](fence)
```
````

Last [line](/last(1)) and [angle](</with space>).
"""


def seen_by_commonmark(text: str) -> dict[str, Counter[Any]]:
    found: dict[str, Counter[Any]] = {
        name: Counter() for name in ("links", "images", "headings", "code", "items", "rows")
    }

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type == "link_open":
                found["links"][token.attrGet("href")] += 1
            elif token.type == "image":
                found["images"][token.attrGet("src"), token.content] += 1
            elif token.type == "heading_open":
                found["headings"][int(token.tag[1])] += 1
            elif token.type in ("fence", "code_block"):
                found["code"]["".join(token.content.split())] += 1
            elif token.type == "list_item_open":
                found["items"][""] += 1
            elif token.type == "tr_open":
                found["rows"][""] += 1
            walk(token.children or [])

    walk(MarkdownIt("commonmark").enable("table").parse(text))
    return found


def seen_by_guard(document: Document) -> dict[str, Counter[Any]]:
    blocks = document.blocks
    return {
        "links": Counter(target.replace(" ", "%20") for block in document.prose for _, target in block.inline.links),
        "images": Counter(image for block in document.prose for image in block.inline.images),
        "headings": Counter(block.level for block in blocks if block.kind == "heading"),
        "code": Counter("".join(block.raw.split()) for block in blocks if block.kind == "code"),
        "items": Counter("" for block in blocks if block.kind == "item"),
        "rows": Counter("" for block in blocks if block.kind == "row"),
    }


def test_the_parts_of_a_page_are_those_that_commonmark_sees() -> None:
    assert seen_by_guard(read_document(PAGE)) == seen_by_commonmark(PAGE)
    assert seen_by_guard(read_document(PAGE.replace("\n", "\r\n"))) == seen_by_commonmark(PAGE)


def test_html_is_read_as_the_same_parts() -> None:
    page = PAGE.replace("\\[no\\](link)", "and so on")  # which HTML does not escape
    html = MarkdownIt("commonmark").enable("table").render(page)
    markdown, rendered = seen_by_guard(read_document(page)), seen_by_guard(read_document(html))
    for name in ("images", "headings", "code", "rows"):
        assert rendered[name] == markdown[name], name
    assert set(rendered["links"]) == set(markdown["links"])
    texts = [" ".join(" ".join(block.text for block in read_document(text).prose).split()) for text in (page, html)]
    assert Counter(texts[0].split()) == Counter(texts[1].split())


@pytest.mark.parametrize("around", ["{}", "<div markdown='1'>{}</div>", "<p>Before</p>{}<p>After</p>"])
def test_a_markdown_table_in_html_is_read_as_one(around: str) -> None:
    table = "\n\n| tea | water |\n| --- | --- |\n| green | 80 |\nbefore the kettle\n\nPour | serve\n\n"
    start = "<html><body><h1>Tea</h1>\n<p>Tea is <b>served</b>.</p>\n<ul><li>a</li></ul>"
    page = f"{start}{around.format(table)}</body></html>"
    read = read_document(page)
    assert read.html
    rows = [(block.cells, block.info) for block in read.blocks if block.kind == "row"]
    assert rows == [(("tea", "water"), "head"), (("green", "80"), "")]
    assert "before the kettle\n\nPour | serve" in [block.raw for block in read.blocks]


def test_front_matter_is_no_prose_and_a_rule_at_the_top_is_no_front_matter() -> None:
    assert [block.kind for block in read_document("---\ntitle: Tea\n---\n\nTea.\n").blocks] == [
        "front_matter",
        "paragraph",
    ]
    assert [block.kind for block in read_document("+++\ntitle = 'Tea'\n+++\nTea.\n").blocks] == [
        "front_matter",
        "paragraph",
    ]
    assert [block.kind for block in read_document("---\n\nTea, and more of it.\n\n---\n\nMore.\n").blocks] == [
        "paragraph"
    ] * 2


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "The water for green tea should be hot, but it must not boil."),
        ("de", "Das Wasser für grünen Tee soll heiß sein, aber es darf nicht kochen."),
        ("fr", "L'eau pour le thé vert doit être chaude, mais elle ne doit pas bouillir."),
        ("es", "El agua para el té verde debe estar caliente, pero no debe hervir."),
        ("it", "L'acqua per il tè verde deve essere calda, ma non deve bollire."),
        ("pt", "A água para o chá verde deve estar quente, mas não deve ferver."),
        ("nl", "Het water voor groene thee moet heet zijn, maar het mag niet koken."),
        ("pl", "Woda na zieloną herbatę powinna być gorąca, ale nie może się gotować."),
        ("ru", "Вода для зелёного чая должна быть горячей, но не должна кипеть."),
        ("uk", "Вода для зеленого чаю має бути гарячою, але не повинна кипіти."),
        ("ja", "緑茶のお湯は熱いほうがいいですが、沸騰させてはいけません。"),
        ("zh", "泡绿茶的水应该很热，但不能煮开。"),
        ("ko", "녹차용 물은 뜨거워야 하지만 끓어서는 안 됩니다."),
        ("tr", "Yeşil çay için su sıcak olmalı ama kaynamamalı ve bu çok önemli."),
    ],
)
def test_the_language_of_a_sentence_is_told(code: str, text: str) -> None:
    found = language_of(text)
    assert found is not None
    assert found.code == code
    assert language_of("4711 <> ~~") is None


@pytest.mark.parametrize(
    "line",
    [
        "The `<style>` tag has `v-bind`.",
        "- Use `<textarea>` and more.",
        "Call `<script setup>` and `<pre>`.",
    ],
)
def test_a_tag_in_a_code_span_is_no_tag(line: str) -> None:
    blocks = read_document(f"{line}\n\nMore of it.\n").blocks
    assert [block.kind for block in blocks] == ["item" if line[0] == "-" else "paragraph", "paragraph"]
    assert blocks[0].raw == line.removeprefix("- ")


@pytest.mark.parametrize("name", ["PreCheck", "Preview", "Styled", "ScriptNote", "pre-view"])
def test_a_component_whose_name_begins_like_a_tag_is_no_code(name: str) -> None:
    blocks = read_document(f"<{name}>\n- Tea\n</{name}>\n\n## Title\n\nMore of it.\n").blocks
    assert [block.kind for block in blocks if block.kind not in ("markup", "paragraph")] == ["item", "heading"]


def test_markdown_that_begins_with_a_tag_is_no_html() -> None:
    text = "<em class='a'>Tea</em>\n\nText.\n\n* [A](#a)\n* [B](#b)\n* [C](#c)\n\n" + "<div>\n<p>x</p>\n</div>\n" * 9
    document = read_document(text)
    assert not document.html
    assert [block.raw for block in document.blocks if block.kind == "item"] == ["[A](#a)", "[B](#b)", "[C](#c)"]
    assert read_document(f"<!doctype html><body>{text}</body>").html


def test_a_fence_may_have_code_in_its_info() -> None:
    blocks = read_document('```smart header="`defer` loads"\nNo heading: # x\n```\n\n## Title\n').blocks
    assert [block.kind for block in blocks] == ["code", "heading"]
    assert [block.kind for block in read_document("```a``` and `b`\n\nText.\n").blocks] == ["paragraph", "paragraph"]


WORST = [
    "<h1>" * 90_000, "](" * 200_000, "[" * 400_000, "[[" * 100_000 + "]]" * 100_000, "[a](b" * 80_000,
    "![a](b)" * 57_000, "# " * 200_000,
    "# " + "#" * 399_990 + "x",
    "1. " * 130_000, "1.\n" * 130_000, "- a\n  - b\n" * 40_000, "> " * 200_000, "\n|" * 200_000, "a|b\n" * 100_000,
    "|a|b|\n|-|-|\n" * 30_000, "`" * 400_000, "`a``b" * 80_000, "*a **a _b " * 40_000, "_a " * 130_000,
    "<" * 400_000, "<a " * 130_000, '<a "' * 100_000,
    "<!--" * 100_000, "<pre>" * 80_000, "<a href=x>" * 40_000, "<p>" + "<b>" * 100_000,
    "<table><tr><td>" + "<p>x" * 90_000, "{{" * 200_000, "{{<" * 130_000,
    "{%" * 200_000, "[a]: b\n" * 57_000, "[^1] " * 80_000, "(A " * 130_000, "https://" * 50_000, "x" * 400_000,
    "no " * 130_000, "may not " * 50_000,
    "\u200b" * 400_000, "\u00a01" * 200_000, "1" * 400_000, "1 " * 200_000, "1.1" * 130_000, "$1" * 200_000,
    "A. " * 130_000, "Aa Bb " * 66_000, '"a b" ' * 66_000,
    '"' * 400_000, "\u201c" * 400_000, "\u4e0d" * 400_000, "\u3002\u4e0d" * 200_000,
    "a\n" * 200_000, "\n\n- a" * 100_000, "---\na: b\n" * 50_000, "onaaa" * 80_000,
    "java\n" * 80_000, "j " * 200_000, "1-" * 200_000, "1/1/" * 100_000, "may 1 " * 66_000, "Note: a.\n\n" * 40_000,
    "a. " * 130_000, "&amp;" * 80_000,
]  # fmt: skip


@pytest.mark.parametrize("whole", WORST[:: sample(quick=12, ci=3, thorough=1)], ids=lambda whole: repr(whole[:12]))
def test_any_text_is_compared_in_time_that_grows_with_its_length(whole: str) -> None:
    size = sample(quick=40_000, ci=100_000, thorough=MAX_TEXT)
    spent = []
    for text in (whole[: size // 4], whole[:size]):
        begun = time.process_time()
        found = findings_of(text, text[::-1], {})
        spent.append(time.process_time() - begun)
        assert len(found) <= 200
    # four times the text takes four times the time; what grows with the square of it takes sixteen times
    assert spent[1] < 8 * spent[0] + 0.3 * calibration() / 0.1


def test_a_text_of_many_blocks_is_read_in_part() -> None:
    document = read_document("a\n\n" * (MAX_TEXT // 3))
    assert (len(document.blocks), document.whole) == (MAX_BLOCKS, False)
    found = findings_of("Tea.", "a\n\n" * (MAX_TEXT // 3), {})
    assert "unread" in {finding["rule"] for finding in found}
