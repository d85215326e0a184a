"""A Ghost document (Lexical JSON) as a text of blocks, and back without loss."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Any

from flowbuilder.adapters.cms.ghost.blocks import (
    BEGIN,
    CARD,
    CODE,
    CODE_END,
    END,
    SOURCES,
    compact,
    decode_block,
    encode_block,
    normal,
)
from flowbuilder.adapters.cms.ghost.inline import Node, element
from flowbuilder.adapters.cms.ghost.markup import top_level
from flowbuilder.errors import StepError
from flowbuilder.values import JsonObject

_GAP = re.compile(r"\n[ \t\r]*\n\s*")
_EXTENDED = 1_000_000
"""Number of characters that are looked at, over a whole text, for the ends of elements with empty lines inside."""
_EMPTY = element("root", [element("paragraph", [])])


def text_of(lexical: str) -> str:
    """The body of a page: its blocks with an empty line between them. `StepError` for JSON that is no document."""
    children = _root(lexical)["children"]
    if [normal(one) for one in children] == [normal(one) for one in _EMPTY["children"]]:
        return ""
    blocks = [encode_block(one) for one in children]
    text = "\n\n".join(blocks)
    if [normal(one) for one in decode(text)] == [normal(one) for one in children]:
        return text
    return "\n\n".join(CARD + compact(one).replace("<", "\\u003c").replace(">", "\\u003e") + "-->" for one in children)


def lexical_of(text: str, held: str) -> str:
    """The document of a body. A block that `held` has too is taken from there as it is."""
    root = _root(held) if held else _EMPTY
    known: defaultdict[str, deque[Any]] = defaultdict(deque)
    for node in root["children"]:
        known[encode_block(node)].append(node)
    nodes = []
    for node in decode(text):
        same = known.get(encode_block(node))
        nodes.append(same.popleft() if same else node)
    if not nodes:
        nodes = root["children"] if held and not text_of(held) else _EMPTY["children"]
    return compact({"root": {**root, "children": nodes}})


def canonical(text: str) -> str:
    """The body that a page has after this one is written to it."""
    return "\n\n".join(encode_block(node) for node in decode(text))


def decode(text: str) -> list[Node]:
    """The blocks of a body."""
    return [node for part in split_blocks(text) for node in decode_block(part)]


def split_blocks(text: str) -> Iterator[str]:
    """The blocks of a body as they are written. A card ends at its end comment, code at its end tag, an element that
    has empty lines inside at its end tag, everything else at an empty line."""
    budget = _EXTENDED
    place = 0
    while True:
        while place < len(text) and text[place] in "\r\n":
            place += 1
        if place >= len(text):
            return
        end = _fixed_end(text, place)
        if end < 0:
            end, budget = _element_end(text, place, budget)
        part = text[place:end]
        yield part if _fixed_end(text, place) >= 0 else part.strip("\r\n")
        place = end


def _fixed_end(text: str, place: int) -> int:
    """Where the card or the code that begins here ends; -1 for anything else."""
    for kind in SOURCES:
        begin, end = BEGIN.format(kind), END.format(kind)
        if text.startswith(begin, place):
            found = text.find(end, place + len(begin))
            return found + len(end) if found >= 0 else -1
    if text.startswith(CODE, place):
        found = text.find(CODE_END, place)
        return found + len(CODE_END) if found >= 0 else -1
    return -1


def _element_end(text: str, place: int, budget: int) -> tuple[int, int]:
    """The next empty line, or a later one where only that closes the elements before it, and the remaining budget."""
    first = end = _gap(text, place)
    if not text.startswith("<", place) or text.startswith("<!--", place):
        return first, budget
    while budget > 0:
        budget -= end - place
        if top_level(text[place:end]) is not None:
            return end, budget
        if end >= len(text):
            break
        found = _GAP.match(text, end)
        end = _gap(text, found.end() if found else end + 1)
    return first, budget


def _gap(text: str, place: int) -> int:
    found = _GAP.search(text, place)
    return found.start() if found else len(text)


def _root(lexical: str) -> JsonObject:
    try:
        root = json.loads(lexical)["root"]
        children = root["children"]
        if isinstance(children, list) and all(isinstance(one, dict) for one in children):
            return dict(root)
    except (ValueError, RecursionError, LookupError, TypeError):
        pass
    raise StepError("Ghost answered with a document that has no blocks", code="bad_answer")


def texts_in(nodes: Iterable[Any], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The texts of all members with one of these names, in order."""
    for node in nodes:
        if isinstance(node, dict):
            for name, value in node.items():
                if name in names and isinstance(value, str):
                    yield name, value
                elif isinstance(value, list | dict):
                    yield from texts_in(value if isinstance(value, list) else [value], names)
        elif isinstance(node, list):
            yield from texts_in(node, names)
