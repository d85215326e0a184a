"""Markdown (GitHub's, with footnotes) as tokens, and whether a text is Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKDOWN.add_render_rule("text", lambda _self, tokens, index, *_: escape(tokens[index].content, quote=False))
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_NOTE = re.compile(r"^\[\^([^\]\s]{1,64})\]:[ \t]*(.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]+\S)))*)\n?", re.MULTILINE)
_CALL = re.compile(r"\[\^([^\]\s]{1,64})\]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_STRONG = frozenset(
    {"fence", "heading_open", "table_open", "bullet_list_open", "strong_open", "link_open", "image", "s_open"}
)
_INLINE = frozenset({"em_open", "code_inline"})
_ANY = _STRONG | _INLINE | {"ordered_list_open", "blockquote_open", "hr"}


def form_of(text: str) -> Literal["markdown", "html", "plain"]:
    """Whether a text is Markdown, which has marks of Markdown outside of HTML; HTML; or plain paragraphs. Beside HTML
    only marks count that no one writes by accident."""
    marks = html = strong = 0
    for token in MARKDOWN.parse(text):
        inside = token.children or []
        found = [one.type for one in (token, *inside) if one.type in _ANY and one.info != "auto"]
        mixed = sum(one.type == "html_inline" for one in inside)
        marks += len(found)
        strong += sum(one in _STRONG or (one in _INLINE and not mixed) for one in found)
        html += mixed + (token.type == "html_block")
    if html:
        return "markdown" if strong else "html"
    return "markdown" if marks or _CALL.search(text) else "plain"


def has_open_fence(text: str) -> bool:
    """Whether a fence of code begins in a text and does not end there."""
    return len(_FENCE.findall(text)) % 2 == 1


def is_code(text: str, mark: str) -> bool:
    """Whether a mark is found in the fences of a Markdown text only."""
    if not _FENCE.search(text):
        return False
    return not any(mark in token.content for token in _flat(MARKDOWN.parse(text)) if token.type != "fence")


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


# --- footnotes and task lists -------------------------------------------------------------------------------------


def without_notes(text: str) -> tuple[str, dict[str, str]]:
    """The text without the definitions of its footnotes, and those that it calls, in the order of the calls."""
    if "[^" not in text:
        return text, {}
    masked = [token.map for token in MARKDOWN.parse(text) if token.type in ("fence", "code_block") and token.map]
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    code = [(starts[first], starts[last]) for first, last in masked]

    def is_code_at(place: int) -> bool:
        return any(start <= place < end for start, end in code)

    defined = {
        found[1]: re.sub(r"\n[ \t]+", "\n", found[2]).strip()
        for found in _NOTE.finditer(text)
        if not is_code_at(found.start())
    }
    body = _NOTE.sub(lambda found: found[0] if is_code_at(found.start()) else "", text)
    called = dict.fromkeys(found[1] for found in _CALL.finditer(body) if found[1] in defined)
    return body, {name: defined[name] for name in called}


def prepared(text: str, notes: dict[str, str]) -> list[Token]:
    """The tokens of Markdown, with check boxes for tasks and links for the calls of `notes`."""
    tokens = MARKDOWN.parse(text)
    numbers = {name: number for number, name in enumerate(notes, 1)}
    seen: dict[str, int] = {}
    for index, token in enumerate(tokens):
        children = token.children
        if not children:
            continue
        first = children[0]
        if (
            index > 1
            and tokens[index - 2].type == "list_item_open"
            and first.type == "text"
            and (task := _TASK.match(first.content))
        ):
            first.content = first.content[task.end() :]
            checked = "" if task[1] == " " else " checked"
            children.insert(0, _raw(f'<input type="checkbox" disabled{checked}> '))
        if numbers:
            token.children = [one for child in children for one in _with_calls(child, numbers, seen)]
    return tokens


def _with_calls(child: Token, numbers: dict[str, int], seen: dict[str, int]) -> Iterator[Token]:
    if child.type != "text" or "[^" not in child.content:
        yield child
        return
    for place, part in enumerate(_CALL.split(child.content)):
        number = numbers.get(part) if place % 2 else None
        if number is None:
            yield Token("text", "", 0, content=f"[^{part}]" if place % 2 else part)
            continue
        seen[part] = again = seen.get(part, 0) + 1
        name = f"fnref{number}" if again == 1 else f"fnref{number}-{again}"
        yield _raw(f'<sup><a href="#fn{number}" id="{name}">[{number}]</a></sup>')


def notes_html(notes: dict[str, str]) -> str:
    """The list of the footnotes; empty where there are none."""
    items = []
    for number, text in enumerate(notes.values(), 1):
        inner = MARKDOWN.renderInline(text)
        items.append(f'<li id="fn{number}">{inner} <a href="#fnref{number}">↩</a></li>\n')
    return f'<hr>\n<ol class="footnotes">\n{"".join(items)}</ol>\n' if items else ""


def _raw(html: str) -> Token:
    return Token("html_inline", "", 0, content=html)
