"""A text as blocks: paragraphs, headings, list items, table rows, code. Markdown, MDX, HTML and WordPress blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from flowbuilder.steps.builtin.guard.inline import CODE, Inline, code_hidden, read_inline
from flowbuilder.steps.builtin.guard.words import sentences_of, words_of

Kind = Literal["paragraph", "heading", "item", "row", "code", "comment", "front_matter", "markup"]
PROSE: tuple[Kind, ...] = ("paragraph", "heading", "item", "row")
_SCRIPT = re.compile(r"<script(?=[\s>/])", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:[^\s/@\"'<>]{0,80}@)?([\w.-]{1,253})")


@dataclass(eq=False)
class Block:
    """One block of a text. `raw` is its source without the marker of its kind (`##`, `-`, `<p>`)."""

    kind: Kind
    raw: str
    level: int = 0
    """Of a heading, 1 to 6."""
    info: str = ""
    """The language of code, the marker of a list item (`-` or `1`), `id` of a row that heads a table."""
    quoted: bool = False
    """Whether it stands in a block quotation."""
    cells: tuple[str, ...] = ()
    """The cells of a table row."""
    section: str = ""
    """The heading above it."""
    references: Mapping[str, str] = field(default_factory=dict)
    """The targets of link reference definitions (`[label]: target`) of its text, by label."""
    around: bool = False
    """Whether it is a title or a description beside the text."""

    @cached_property
    def key(self) -> tuple[str, str]:
        """Equal for blocks that say the same, with any line breaks."""
        raw = self.raw if self.kind == "code" else " ".join(self.raw.split())
        return f"{self.kind}{self.level or ''}{self.info}{'>' * self.quoted}", raw

    @cached_property
    def inline(self) -> Inline:
        """What the source has inside: links, images, code, emphasis, and the plain text."""
        return (
            read_inline(self.raw, self.references)
            if self.kind in PROSE
            else Inline(text="" if self.kind != "code" else self.raw)
        )

    @property
    def text(self) -> str:
        """The plain text of prose; the source of code; else nothing."""
        return self.inline.text

    @cached_property
    def words(self) -> list[str]:
        """The words of the plain text, or of code."""
        return words_of(self.text)

    @property
    def title(self) -> str:
        """The plain text in one line; the source of a heading that is code."""
        return " ".join((self.text if self.text.strip(f" \n{CODE}") else self.raw).split())

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences of the plain text."""
        return sentences_of(self.text)

    @property
    def prose(self) -> bool:
        """Whether its words are read as text."""
        return self.kind in PROSE

    def excerpt(self) -> str:
        """The first characters, for a reviewer to search for."""
        return excerpt(self.text if self.text.strip(f" \n{CODE}") else self.raw)


def excerpt(text: str) -> str:
    """At most 80 characters of one line."""
    line = " ".join(text.replace(CODE, "`…`").split())
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


class Document:
    """A text with its blocks, and what rules ask of the whole text."""

    def __init__(
        self,
        text: str,
        references: dict[str, str],
        blocks: list[Block],
        *,
        whole: bool,
        outside: str,
        unclosed: tuple[str, ...],
        html: bool,
    ) -> None:
        self.text = text
        self.html = html
        """Whether the text is HTML and no Markdown."""
        self._outside = outside
        self.unclosed = unclosed
        """The beginnings of code or of a comment that have no end."""
        self.whole = whole
        """Whether all of the text is in the blocks."""
        self.references = references
        """The targets of link reference definitions (`[label]: target`) by label."""
        self.blocks = blocks

    @cached_property
    def prose(self) -> list[Block]:
        """The blocks whose words are read as text."""
        return [block for block in self.blocks if block.prose]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The words of the whole text in lower case, code and markup included."""
        return frozenset(words_of(self.text))

    @cached_property
    def words(self) -> list[str]:
        """The words of the prose, markup included: what a change of the length is measured by."""
        return [word for block in self.prose for word in words_of(block.raw)]

    @cached_property
    def targets(self) -> dict[str, list[Block]]:
        """The targets that the text links to, each with the blocks that do, without those in code."""
        found: dict[str, list[Block]] = {}
        for block in self.prose:
            for _, target in block.inline.links:
                found.setdefault(target, []).append(block)
        return found

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The hosts of all addresses in the text, those in code included."""
        return frozenset(host.lower() for host in _HOST.findall(self.text))

    @cached_property
    def outside_code(self) -> str:
        """The text with all its tags, but without code, comments and front matter. Scripts are whole: what stands in
        backticks there is part of the program."""
        if self.html:
            return self._outside
        hidden = "\n\n".join(map(code_hidden, self._outside.split("\n\n")))
        parts: list[str] = []
        at = 0
        for script in _SCRIPT.finditer(hidden):
            if script.start() >= at:
                end = _SCRIPT_END.search(self._outside, script.end())
                parts.append(hidden[at : script.start()])
                at = end.end() if end else len(hidden)
                parts.append(self._outside[script.start() : at])
        return "".join((*parts, hidden[at:]))

    @cached_property
    def source(self) -> str:
        """The text without code, comments and front matter."""
        return "\n\n".join(block.raw for block in self.blocks if block.prose or block.kind == "markup")
