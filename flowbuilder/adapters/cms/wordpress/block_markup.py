"""The block markup of WordPress: `<!-- wp:NAME {attributes} -->`, split into blocks that join to the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.errors import StepError

MAX_DEPTH = 200
_HEAD = re.compile(r"<!--\s+(?P<closer>/)?wp:(?P<name>(?:[a-z][a-z0-9_-]*/)?[a-z][a-z0-9_-]*)\s+")
_ATTRIBUTES = re.compile(r"(?s:(?P<attributes>\{.*\})\s+)?(?P<void>/)?\Z")
_BLANK_LINES = re.compile(r"((?:[ \t]*\r?\n){2,})")


@dataclass
class Block:
    """A block: its two delimiters, and between them its own markup (texts) and the blocks inside it, in order.

    Of a document, and of a block that is not closed, `closer` is empty; a block without content has no parts.
    """

    name: str = ""
    opener: str = ""
    closer: str = ""
    attributes: str = ""
    parts: list[str | Block] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The bytes that it was read from."""
        return self.opener + "".join(part if isinstance(part, str) else part.text for part in self.parts) + self.closer

    @property
    def blocks(self) -> list[Block]:
        """The blocks directly inside it."""
        return [part for part in self.parts if isinstance(part, Block)]

    @property
    def shell(self) -> tuple[str, ...]:
        """Its own markup without the blocks inside it and the blanks between them."""
        own = (part for part in self.parts if isinstance(part, str) and part.strip())
        return (self.opener, *own, self.closer)

    def inside(self) -> Iterator[Block]:
        """All blocks inside it, at every depth."""
        for block in self.blocks:
            yield block
            yield from block.inside()


def parse_blocks(text: str) -> Block:
    """The document of a page's content, as WordPress reads it. `StepError` where blocks are nested too deeply."""
    document = Block()
    open_blocks, at = [document], 0
    for start, end, head in _delimiters(text):
        if start > at:
            open_blocks[-1].parts.append(text[at:start])
        delimiter, at = text[start:end], end
        found = _ATTRIBUTES.match(text[head.end() : end - 3])
        assert found is not None
        if head["closer"]:
            if len(open_blocks) > 1:  # as in WordPress, any closer ends the innermost block
                open_blocks.pop().closer = delimiter
            else:
                document.parts.append(delimiter)
            continue
        block = Block(name=head["name"], opener=delimiter, attributes=found["attributes"] or "")
        open_blocks[-1].parts.append(block)
        if not found["void"]:
            open_blocks.append(block)
            if len(open_blocks) > MAX_DEPTH:
                message = f"the page has blocks nested deeper than {MAX_DEPTH} levels"
                raise StepError(message, code="limit.depth", definitive=True)
    if at < len(text):
        open_blocks[-1].parts.append(text[at:])
    return document


def _delimiters(text: str) -> Iterator[tuple[int, int, re.Match[str]]]:
    at, end = text.find("<!--"), -1
    while at >= 0:
        if end < at:
            end = text.find("-->", at)
        if end < 0:
            return
        head = _HEAD.match(text, at, end)
        if head is not None and _ATTRIBUTES.match(text[head.end() : end]):
            yield at, end + 3, head
        at = text.find("<!--", at + 4 if head is None else end + 3)


def with_attributes(block: Block, change: Callable[[str], str]) -> str:
    """The opener of a block in which `change` was applied to every text of its attributes."""
    try:
        value = json.loads(block.attributes) if block.attributes else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return block.opener
    changed = _changed(value, change)
    return block.opener if changed == value else block.opener.replace(block.attributes, attributes_text(changed), 1)


def attributes_text(attributes: dict[str, Any]) -> str:
    """The attributes of a block as WordPress writes them between its delimiters."""
    text = json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))
    escapes = {"--": "\\u002d\\u002d", "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", '\\"': "\\u0022"}
    for plain, escaped in escapes.items():
        text = text.replace(plain, escaped)
    return text


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _changed(inner, change) for name, inner in value.items()}
    return [_changed(inner, change) for inner in value] if isinstance(value, list) else value


def paragraphs(text: str) -> list[str]:
    """A text split at its blank lines: paragraphs and what is between them in turn, which join to the same bytes."""
    return _BLANK_LINES.split(text)
