"""Reads a text into blocks, line by line: Markdown and MDX here, HTML and WordPress blocks in `html_blocks`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from flowbuilder.steps.builtin.guard.document import Block, Document
from flowbuilder.steps.builtin.guard.html_blocks import HTML_CODE, has_blocks, html_blocks, is_html
from flowbuilder.steps.builtin.guard.inline import label_key
from flowbuilder.steps.builtin.guard.table_rows import is_delimiter_row, row_of

MAX_BLOCKS = 20_000
"""Of a text with more blocks, one more is read; `Document.whole` is then false."""
_FRONT = re.compile(r"\A\ufeff?(---|\+\+\+)[a-z]*[ \t]*\n(?:(.*?)\n)?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^[\w\"' -]{1,60}\s{0,3}[:=]", re.MULTILINE)
_QUOTE = re.compile(r"(?: {0,3}> ?)+")
_FENCE = re.compile(r"(`{3,}|~{3,}|:{3,}code\b)[ \t]*((?:[^`\n]|(?<!`)`{1,2}(?!`))*)$")
_HEADING = re.compile(r"(#{1,6})(?:[ \t]+(.*))?$")
_UNDERLINE = re.compile(r"=+[ \t]*$|-{2,}[ \t]*$")
_RULE = re.compile(r"(?:[*][ \t]*){3,}$|(?:-[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_ITEM = re.compile(r"([-*+]|\d{1,9}[.)])(?:[ \t]+(?:\[[ xX]\][ \t]+)?|$)")
_DEFINITION = re.compile(r"\[(?!\^)([^\[\]]{1,300})\]:[ \t]*<?([^\s<>]+)>?[ \t]*(?:[\"'(].*)?$")
_CONTAINER = re.compile(r"!!!|\?\?\?|=== |\[\^[^\]]{1,80}\]:|: ")
_MARKUP = re.compile(
    r"(?:import|export)\s.*|:{3,}.*|</?[A-Z][\w.]*(?:\s[^<>]*)?/?>|<[A-Z][\w.]*$|\{\{[%<].*[%>]\}\}|\{%.*%\}"
    r"|(?:!!!|\?\?\?\+?|===)\s.*|\{/\*.*\*/\}|---?8<---?.*|\[/?[a-z_-]{3,30}(?:\s[^\]\n]*)?\]"
)
_LITERAL = re.compile(r"<!--|\{/\*|<(pre|script|style|textarea)(?![\w.-])", re.IGNORECASE)
_ENDS = {"<!--": "-->", "{/*": "*/}"}

_MDX = re.compile(
    r"^(?:import\s[^\n]{1,300}\sfrom\s|export\s(?:const|default)\s|<[A-Z]\w{0,60}(?:\s[^<>\n]{0,1000})?/?>?$)",
    re.MULTILINE,
)
_SCRIPTS = ("</script>", "</style>")


def read_document(text: str, around: Sequence[str] = ()) -> Document:
    """The blocks of a text, in time that grows with its length. Each text `around` it is a paragraph before it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    scanner = _Scanner()
    front = _FRONT.match(text)
    if front is not None and (front[2] is None or _FIELD.search(front[2])):
        scanner.add("front_matter", front[2] or "")
        body = text[front.end() :]
    else:
        body = text.removeprefix("\ufeff")
    html = is_html(body)
    if html:
        for block in islice(html_blocks(body), MAX_BLOCKS + 1):
            scanner.append(block)
        scanner.outside = [
            HTML_CODE.sub(lambda match: match[0] if match[0][:3].lower() in ("<sc", "<st") else " ", body)
        ]
        scanner.unclosed += (
            match[match.lastindex or 0] for match in HTML_CODE.finditer(body) if not match[0].endswith(">")
        )
    else:
        scanner.read(body)
    blocks = [Block("paragraph", one, around=True) for one in around if one.strip()] + scanner.blocks
    return Document(
        "\n\n".join([text, *around]),
        scanner.references,
        blocks[:MAX_BLOCKS],
        whole=len(blocks) <= MAX_BLOCKS,
        outside="\n".join([*scanner.outside, *around]),
        unclosed=tuple(scanner.unclosed),
        html=html,
    )


class _Scanner:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.references: dict[str, str] = {}
        self.section = ""
        self.lines: list[str] = []
        """The lines of the open paragraph, list item or code."""
        self.opened: tuple[str, str, bool] = ("paragraph", "", False)
        """Kind, info and whether it is quoted, of what is open."""
        self.outside: list[str] = []
        """The lines outside of code and comments."""
        self.unclosed: list[str] = []
        """The beginnings of code or of a comment that have no end."""
        self.fence: re.Match[str] | None = None
        """The fence of the code that is open."""
        self.literal: str | None = None
        """What ends the comment or the literal HTML that is open."""
        self.table = False
        self.after_blank = True
        self.components = False
        """Whether the text is MDX, which has no indented code."""
        self.nested = False
        """Whether indented lines belong to a list item or a container above."""

    def append(self, block: Block) -> None:
        block.references, block.section = self.references, self.section
        if block.kind == "heading":
            self.section = block.raw.strip()[:120]
        self.blocks.append(block)

    def add(self, kind: str, raw: str, **more: object) -> None:
        self.append(Block(kind, raw, **more))  # type: ignore[arg-type]

    def close(self) -> None:
        """Ends the open paragraph or list item."""
        if not self.lines:
            return
        raw, (kind, info, quoted) = "\n".join(self.lines), self.opened
        self.lines, self.opened = [], ("paragraph", "", False)
        if kind != "code" and has_blocks(raw):
            for block in html_blocks(raw, markdown=True):
                block.quoted = block.quoted or quoted
                self.append(block)
        else:
            self.add(kind, raw, info=info, quoted=quoted)

    def read(self, text: str) -> None:
        """Reads the blocks of a text, and stops at the limit."""
        lines = text.split("\n")
        self.components = _MDX.search(text) is not None
        for index, line in enumerate(lines):
            if len(self.blocks) > MAX_BLOCKS:
                return
            if self.literal is not None:
                self._more_of_literal(self.literal, line)
                continue
            quote = _QUOTE.match(line)
            inner = line[quote.end() :] if quote else line
            stripped = inner.strip()
            if self.fence is not None:
                self._more_of_fence(self.fence, inner, stripped)
                continue
            self.outside.append(inner)
            if not stripped:
                self.close()
                self.table, self.after_blank = False, True
                continue
            started = self.after_blank or not self.lines
            self.after_blank = False
            if line[:2].strip() and started and (quote or not _ITEM.match(stripped)):
                self.nested = False
            quoted = quote is not None
            if self.lines and quoted != self.opened[2] and (quoted or started):
                self.close()
            indent = len(inner) - len(inner.lstrip(" \t")) + 3 * inner[:4].count("\t")
            if not self._code(inner, stripped, quoted, indent >= 4 and started) and not self._part(
                stripped, quoted, indent
            ):
                self._text(stripped, quoted, "|" in stripped and (stripped[0] == "|" or _heads_table(lines, index)))
        self._end()

    def _more_of_literal(self, end: str, line: str) -> None:
        self.lines.append(line)
        if end in _SCRIPTS:
            self.outside.append(line)
        if end in line.lower():
            self._end_literal()
            self.literal = None

    def _more_of_fence(self, fence: re.Match[str], inner: str, stripped: str) -> None:
        if stripped.startswith(fence[1]) and not stripped.strip(fence[1][0]):
            self.add("code", "\n".join(self.lines), info=fence[2].strip())
            self.lines, self.fence = [], None
        else:
            self.lines.append(inner)

    def _code(self, inner: str, stripped: str, quoted: bool, indented: bool) -> bool:
        """Whether a line begins code or a comment, or belongs to indented code."""
        if (match := _FENCE.match(stripped)) is not None:
            self.close()
            self.outside.pop()
            self.fence = match
        elif (
            not self.nested
            and not self.components
            and (indented or (self.opened[0] == "code" and inner.startswith(("    ", "\t"))))
        ):
            if self.opened[0] != "code":
                self.close()
            self.opened = ("code", "indented", quoted)
            self.outside.pop()
            self.lines.append(stripped)
        elif (end := _literal_end(stripped)) is not None:
            self.close()
            self.lines.append(inner)
            if end not in _SCRIPTS:
                self.outside.pop()
            if end in stripped[4:].lower():
                self._end_literal()
            else:
                self.literal = end
        else:
            return False
        return True

    def _part(self, stripped: str, quoted: bool, indent: int) -> bool:
        """Whether a line is a heading, a rule, a definition, or begins a list item."""
        if (match := _HEADING.match(stripped)) is not None and indent < 4 + 8 * self.nested:
            self.close()
            self.add("heading", _without_end(match[2] or ""), level=len(match[1]), quoted=quoted)
        elif self.lines and self.opened[0] == "paragraph" and _UNDERLINE.match(stripped) and not self.table:
            raw, self.lines = "\n".join(self.lines), []
            self.add("heading", raw, level=1 if stripped[0] == "=" else 2, quoted=quoted)
        elif _RULE.match(stripped):
            self.close()
        elif (match := _DEFINITION.match(stripped)) is not None and (not self.lines or self.lines[0].startswith("[^")):
            self.close()
            self.references.setdefault(label_key(match[1]), match[2])
        elif (match := _ITEM.match(stripped)) is not None and (
            not self.lines or self.nested or not match[1][0].isdigit() or match[1][:-1] == "1"
        ):
            self.close()
            self.nested = True
            self.opened = ("item", "1" if match[1][0].isdigit() else "-", quoted)
            self.lines.append(stripped[match.end() :] or " ")
        else:
            return False
        return True

    def _text(self, stripped: str, quoted: bool, begins_table: bool) -> None:
        """A line of a table, of a shortcode or component, or of a paragraph."""
        container = _CONTAINER.match(stripped) is not None
        if begins_table or (self.table and "|" in stripped):
            self._row(stripped, self.table, quoted)
            self.table = True
            return
        self.nested = self.nested or container
        if _MARKUP.fullmatch(stripped):
            self.close()
            self.add("markup", stripped)
            return
        if not self.lines:
            self.opened = ("paragraph", "", quoted)
        self.lines.append(stripped)

    def _end(self) -> None:
        """Ends what is open at the end of the text."""
        if self.fence is not None:
            self.add("code", "\n".join(self.lines).rstrip(), info=self.fence[2].strip())
            self.unclosed.append(self.fence[1])
        elif self.literal is not None:
            self.unclosed.append(self.lines[0].strip()[:20])
            self._end_literal()
        else:
            self.close()

    def _end_literal(self) -> None:
        raw, self.lines = "\n".join(self.lines), []
        start = raw.lstrip()[:4].lower()
        if start.startswith(("<!--", "{/*")):
            end = raw.find("-->" if start == "<!--" else "*/}") + 3
            self.add("comment", raw[:end])
            if rest := raw[end:].strip():
                self.lines = [rest]
                self.close()
            return
        for block in html_blocks(raw):
            self.append(block)

    def _row(self, line: str, table: bool, quoted: bool) -> None:
        if not table:
            self.close()
        if not table or not is_delimiter_row(line):
            self.append(row_of(line, head=not table, quoted=quoted))


def _without_end(title: str) -> str:
    """The text of a heading without the number signs that may close it."""
    bare = title.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else title


def _heads_table(lines: list[str], index: int) -> bool:
    following = lines[index + 1].strip() if index + 1 < len(lines) else ""
    return "|" in following and is_delimiter_row(following)


def _literal_end(line: str) -> str | None:
    found = _LITERAL.match(line)
    return (f"</{found[1].lower()}>" if found[1] else _ENDS[found[0]]) if found else None
