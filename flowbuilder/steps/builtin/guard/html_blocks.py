"""Reads HTML, and the HTML inside Markdown, into blocks: block tags end one, `<pre>` is code, scripts are no prose."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.document import Block
from flowbuilder.steps.builtin.guard.inline import code_hidden
from flowbuilder.steps.builtin.guard.table_rows import tables_apart

_BLOCK_TAGS = (
    "address|article|aside|blockquote|body|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer"
    "|form|h[1-6]|head|header|hgroup|hr|html|iframe|legend|li|main|menu|nav|object|ol|option|p|pre|script|section|select"
    "|source|style|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|video|audio"
)
_TAG = re.compile(rf"<!--.*?(?:-->|\Z)|<(/?)({_BLOCK_TAGS})(?![\w-])([^<>]*)>", re.IGNORECASE | re.DOTALL)
_HAS = re.compile(rf"</?(?:{_BLOCK_TAGS})(?![\w-])[^<>]*>", re.IGNORECASE)
_LITERAL = ("pre", "script", "style", "textarea")
_ENDS = {name: re.compile(rf"</{name}[^<>]*>", re.IGNORECASE) for name in _LITERAL}
HTML_CODE = re.compile(
    r"(<!--).*?(?:-->|\Z)|(?:(<pre)(?=[\s>]).*?(?:</pre\s*>|\Z))|(?:(<script)(?=[\s>]).*?(?:</script\s*>|\Z))"
    r"|(?:(<style)(?=[\s>]).*?(?:</style\s*>|\Z))|(?:(<textarea)(?=[\s>]).*?(?:</textarea\s*>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
"""Comments, code and scripts in HTML; the group is the beginning."""
_MARKDOWN_LINE = re.compile(r"^(?:#{1,6}[ \t]|```|~~~|[-*+][ \t]|\d{1,3}\.[ \t]|>[ \t])|\]\(", re.MULTILINE)


_PAGE = re.compile(r"<(?:!doctype|html|head|body)[\s>]", re.IGNORECASE)
MAX_MARKDOWN = 2
"""Lines of a piece of HTML that may look like Markdown by accident."""
_START = re.compile(
    r"\s*(?:(?:\{\{[^<>%{}\n]{0,1000}\}\}|\{%-?\s*comment\s.{0,5000}?endcomment\s*-?%\}|\{%[^{}%\n]{0,1000}%\}|\{#.{0,5000}?#\})\s*){0,50}<",
    re.DOTALL,
)


def is_html(text: str) -> bool:
    """Whether a text is HTML: it starts with a tag, code of a template apart, and has more block tags than lines of
    Markdown; a text that is no whole page has hardly any of those outside of code.
    """
    if not _START.match(text):
        return False
    if not _PAGE.search(text) and sum(1 for _ in _MARKDOWN_LINE.finditer(HTML_CODE.sub(" ", text))) > MAX_MARKDOWN:
        return False
    return sum(1 for _ in _HAS.finditer(text)) > 2 * sum(1 for _ in _MARKDOWN_LINE.finditer(text))


def has_blocks(raw: str) -> bool:
    """Whether a piece of Markdown has block tags of HTML, outside of its code spans."""
    return "<" in raw and _HAS.search(raw) is not None and _HAS.search(code_hidden(raw)) is not None


def html_blocks(text: str, *, markdown: bool = False) -> Iterator[Block]:
    """The blocks of HTML, in time that grows with its length. A tag in a code span of Markdown is none."""
    tags = code_hidden(text) if markdown else text
    at = 0
    level, item, quoted = 0, "", 0
    lists: list[str] = []
    row: _Row | None = None
    while (match := _TAG.search(tags, at)) is not None:
        raw, at = text[at : match.start()], match.end()
        name, closes = (match[2] or "").lower(), bool(match[1])
        if row is not None:
            row.add(raw)
        else:
            yield from _blocks(raw, level, item, quoted > 0)
        if match[0].startswith("<!--"):
            yield Block("comment", match[0])
        elif name in _LITERAL and not closes:
            ended = _ENDS[name].search(tags, at)
            source, at = (text[at : ended.start()], ended.end()) if ended else (text[at:], len(text))
            if name == "pre":
                yield Block("code", html.unescape(re.sub(r"<[^<>]*>", "", source)).strip("\n"), info="pre")
            else:
                yield Block("markup", f"{match[0]}{source}")
        elif name in ("tr", "table"):
            if row is not None and row.cells:
                yield row.block()
            row = _Row() if name == "tr" and not closes else None
        elif name in ("td", "th"):
            if row is not None and not closes:
                row.open(name)
        elif name in ("iframe", "object", "form", "video", "audio", "source") and not closes:
            yield Block("markup", match[0])
        elif name[:1] == "h" and name[1:].isdigit():
            level = 0 if closes else int(name[1])
        elif name in ("ul", "ol"):
            lists[-1:] = [] if closes else [*lists[-1:], "1" if name == "ol" else "-"]
            item = ""
        elif name in ("li", "dd", "dt"):
            item = "" if closes else (lists[-1] if lists else "-")
        elif name == "blockquote":
            quoted = max(0, quoted + (-1 if closes else 1))
    if row is not None:
        row.add(text[at:])
        if row.cells:
            yield row.block()
    else:
        yield from _blocks(text[at:], level, item, quoted > 0)


class _Row:
    """A table row that is being read."""

    def __init__(self) -> None:
        self.cells: list[list[str]] = []
        self.head = False

    def open(self, name: str) -> None:
        """A new cell, `td` or `th`."""
        self.cells.append([])
        self.head = self.head or name == "th"

    def add(self, raw: str) -> None:
        """Text of the cell that is open."""
        if self.cells:
            self.cells[-1].append(raw)

    def block(self) -> Block:
        """The row as a block."""
        cells = tuple(" ".join("".join(cell).split()) for cell in self.cells)
        return Block("row", " | ".join(cells), info="head" if self.head else "", cells=cells)


def _blocks(raw: str, level: int, item: str, quoted: bool) -> Iterator[Block]:
    """The text between two tags, and the Markdown tables in it."""
    for part in tables_apart(raw, quoted=quoted):
        if isinstance(part, Block):
            yield part
        elif not _is_empty(part):
            yield _block(part, level, item, quoted)


def _block(raw: str, level: int, item: str, quoted: bool) -> Block:
    raw = raw.strip()
    if level:
        return Block("heading", raw, level=level, quoted=quoted)
    return Block("item", raw, info=item, quoted=quoted) if item else Block("paragraph", raw, quoted=quoted)


def _is_empty(raw: str) -> bool:
    """Whether nothing but end tags is left."""
    return not re.sub(r"</[^<>]*>", "", raw).strip()
