"""The content of a page with very many elements, as Markdown and as plain text, in one pass.

It takes a time that grows with the page only, where an extractor of articles compares its parts with one another. What
is no content is known by its element and role: navigation, headers and footers of the site, dialogs, controls.
"""

from __future__ import annotations

import re
from typing import Any

MOST_OF_PAGE = 0.5
"""A `main` or `article` with this share of the page's text is the content; without one it is the body."""
MAX_MARKS = 8
"""The links, emphases and codes in one another that are written."""
MAX_INDENT = 20
"""The list levels that are indented."""
MAX_CELL_PARTS = 30
"""A table with a cell of more elements arranges the page and holds no data."""
_SKIPPED = frozenset(
    {
        "aside", "audio", "button", "canvas", "datalist", "dialog", "footer", "head", "iframe", "input", "nav",
        "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "video",
    }
)  # fmt: skip
_SKIPPED_ROLES = frozenset(
    {
        "alertdialog", "banner", "complementary", "contentinfo", "dialog", "menu", "menubar", "navigation", "search",
        "toolbar",
    }
)  # fmt: skip
_LAYOUT_ROLES = frozenset({"none", "presentation"})
_SECTIONS = frozenset({"article", "main", "section"})
_HEADINGS = {f"h{level}": f"{'#' * level} " for level in range(1, 7)}
_ITEMS = frozenset({"dd", "dt", "li"})
_CELLS = frozenset({"td", "th"})
_BLOCKS = frozenset(
    {
        "address", "blockquote", "body", "br", "caption", "center", "details", "div", "dl", "fieldset", "figcaption",
        "figure", "form", "header", "hr", "legend", "ol", "p", "pre", "summary", "table", "tbody", "td", "tfoot", "th",
        "thead", "tr", "ul", *_SECTIONS, *_HEADINGS, *_ITEMS,
    }
)  # fmt: skip
_MARKS = {
    "a": ("[", "]"), "b": ("**", "**"), "code": ("`", "`"), "del": ("~~", "~~"), "em": ("*", "*"), "i": ("*", "*"),
    "s": ("~~", "~~"), "strong": ("**", "**"),
}  # fmt: skip
_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\*_`~[]<>"})
_BLOCK_START = re.compile(r"(?:#{1,6}|[-+])(?:\s|$)")
_NUMBER = re.compile(r"\d{1,9}(?=[.)](?:\s|$))")
_ODD_IN_A_LINK = re.compile(r"[\s<>()]")
_BACKTICKS = re.compile("`+")


def dense_content(html: str) -> tuple[str, str]:
    """The content of a page's HTML as Markdown and as plain text; empty where there is none."""
    from lxml.etree import HTMLParser, fromstring, iterwalk  # type: ignore[import-untyped]

    document = fromstring(html, HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True))
    if document is None:
        return "", ""
    writer = _Writer()
    walk = iterwalk(_root(document), events=("start", "end"))
    sections = 0
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if _is_no_content(element, tag, sections):
                walk.skip_subtree()
                continue
            sections += tag in _SECTIONS
            writer.start(element, tag)
            if element.text:
                writer.text(element.text)
        else:
            if not _is_no_content(element, tag, sections - (tag in _SECTIONS)):
                sections -= tag in _SECTIONS
                writer.end(tag)
            if element.tail:
                writer.text(element.tail)
    return writer.result()


def _root(document: Any) -> Any:
    body = document.find("body")
    body = document if body is None else body
    least = MOST_OF_PAGE * _size(body)
    for element in body.iter("main", "article", "div", "section"):
        if (element.tag in ("main", "article") or element.get("role") == "main") and _size(element) >= least:
            return element
    return body


def _size(element: Any) -> int:
    return sum(map(len, element.itertext()))


def _is_no_content(element: Any, tag: str, sections: int) -> bool:
    return tag in _SKIPPED or (tag == "header" and not sections) or element.get("role") in _SKIPPED_ROLES


class _Writer:
    """Receives the starts, the texts and the ends of elements; `result` gives Markdown and plain text."""

    def __init__(self) -> None:
        self._markdown: list[str] = []
        self._plain: list[str] = []
        self._last = ""  # what the last block is: item, row or another
        self._line: list[str] = []  # the parts of the block that is being read
        self._plain_line: list[str] = []
        self._marks: list[tuple[str, int, str, str]] = []  # element, first part, what is put before and after
        self._lists: list[int] = []  # the number of the next item, 0 without numbers
        self._marker = ""  # of the item that has begun
        self._heading = ""
        self._pre = False
        self._row: list[tuple[str, str]] | None = None
        self._is_head = False
        self._layout: list[bool] = []  # for each open table, whether it arranges the page

    def start(self, element: Any, tag: str) -> None:
        if tag in _MARKS:
            self._open_mark(element, tag)
        elif tag == "br" and self._pre:
            self.text("\n")
        elif tag in _BLOCKS:
            self._break()
            self._start_block(element, tag)

    def end(self, tag: str) -> None:
        if tag in _MARKS:
            self._mark(*self._marks.pop()[1:])
        elif tag in _BLOCKS:
            self._end_block(tag)

    def text(self, text: str) -> None:
        verbatim = self._pre or (self._marks and self._marks[-1][0] == "code")
        self._line.append(text if verbatim else text.translate(_ESCAPED))
        self._plain_line.append(text)

    def result(self) -> tuple[str, str]:
        self._break()
        return "".join(self._markdown), "\n".join(self._plain)

    def _start_block(self, element: Any, tag: str) -> None:
        if tag in ("ul", "ol", "dl"):
            self._lists.append(int(tag == "ol"))
        elif tag in _ITEMS:
            self._start_item()
        elif tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "pre":
            self._pre = self._row is None
        elif tag == "table":
            self._layout.append(_is_layout(element))
        elif tag == "tr" and self._layout and not self._layout[-1] and len(element) > 1:
            self._row, self._is_head = [], False
        elif tag == "th":
            self._is_head = True

    def _end_block(self, tag: str) -> None:
        if tag in _CELLS and self._row is not None:
            markdown, plain = _joined(self._take_line()), _joined(self._plain_line)
            self._row.append((markdown.replace("|", "\\|"), plain.replace("|", "\\|")))
            self._plain_line = []
            return
        if tag == "pre" and self._pre:
            self._add_code()
        self._break()
        if tag in ("ul", "ol", "dl") and self._lists:
            self._lists.pop()
            self._last = self._last if self._lists else ""
        elif tag in _HEADINGS:
            self._heading = ""
        elif tag == "table" and self._layout:
            self._layout.pop()
            self._last = ""
        elif tag == "tr" and self._row is not None:
            self._end_row(self._row)
            self._row = None
        if tag in _ITEMS:
            self._marker = ""

    def _start_item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        self._marker = f"{number}. " if number else "- "

    def _end_row(self, row: list[tuple[str, str]]) -> None:
        if any(plain for _, plain in row):
            lines = [f"| {' | '.join(form)} |" for form in zip(*row, strict=True)]
            head = f"\n|{'---|' * len(row)}" if self._is_head else ""
            self._add("row", lines[0] + head, lines[1])

    def _break(self) -> None:
        """End the block that is being read; in a cell the words, in verbatim text the line."""
        if self._row is not None or self._pre:
            gap = "\n" if self._pre else " "
            if self._plain_line and not self._plain_line[-1].endswith(gap):
                self._line.append(gap)
                self._plain_line.append(gap)
            return
        line, plain = self._take_line(), self._plain_line
        self._plain_line = []
        if text := _joined(line):
            indent = "  " * min(len(self._lists) - 1, MAX_INDENT)
            if self._marker:
                self._add("item", f"{indent}{self._marker}{text}", f"{indent}- {_joined(plain)}")
                self._marker = ""
            else:
                self._add("", self._heading + text if self._heading else _escaped_start(text), _joined(plain))

    def _add_code(self) -> None:
        code = "".join(self._plain_line).strip("\n")
        self._pre, self._line, self._plain_line = False, [], []
        if code.strip():
            fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(code)), default=0))
            self._add("", f"{fence}\n{code}\n{fence}", code)

    def _add(self, kind: str, markdown: str, plain: str) -> None:
        if self._markdown:
            self._markdown.append("\n" if kind and kind == self._last else "\n\n")
        self._markdown.append(markdown)
        self._plain.append(plain)
        self._last = kind

    def _open_mark(self, element: Any, tag: str) -> None:
        before, after = _MARKS[tag]
        if tag == "a":
            href = element.get("href") or ""
            after = f"](<{href}>)" if _ODD_IN_A_LINK.search(href) else f"]({href})"
            if not href.startswith(("http://", "https://")):
                before = ""
        if len(self._marks) >= MAX_MARKS or self._pre:
            before = ""
        self._marks.append((tag, len(self._line), before, after))

    def _mark(self, first: int, before: str, after: str) -> None:
        if not before:
            return
        inner = "".join(self._line[first:])
        if text := inner.strip():
            lead, trail = " " * inner[0].isspace(), " " * inner[-1].isspace()
            self._line[first:] = [f"{lead}{before}{text}{after}{trail}"]

    def _take_line(self) -> list[str]:
        """The parts of the block so far. Marks that are open are closed here, and opened for what follows."""
        for _, first, before, after in reversed(self._marks):
            self._mark(first, before, after)
        self._marks = [(tag, 0, before, after) for tag, _, before, after in self._marks]
        line, self._line = self._line, []
        return line


def _joined(parts: list[str]) -> str:
    return " ".join("".join(parts).split())


def _escaped_start(text: str) -> str:
    """A paragraph that would be read as a heading or an item, with a backslash against it."""
    if _BLOCK_START.match(text):
        return f"\\{text}"
    number = _NUMBER.match(text)
    return f"{number[0]}\\{text[number.end() :]}" if number else text


def _is_layout(table: Any) -> bool:
    """Whether a table arranges the page instead of holding data."""
    return (
        table.get("role") in _LAYOUT_ROLES
        or table.find(".//table") is not None
        or any(len(cell) > MAX_CELL_PARTS for cell in table.iter("td", "th"))
    )
