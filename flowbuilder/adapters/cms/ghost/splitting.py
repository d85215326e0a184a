"""The blocks of a body: where each begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flowbuilder.adapters.cms.ghost.markup import top_level
from flowbuilder.adapters.cms.ghost.normal_form import SOURCES

_GAP = re.compile(r"\n[ \t\r]*\n\s*")
_EXTENDED = 1_000_000
"""Number of characters that are looked at, over a whole text, for the ends of elements with empty lines inside."""
CARD = "<!--kg-card: "
BEGIN, END = "<!--kg-card-begin: {}-->\n", "\n<!--kg-card-end: {}-->"
CODE, CODE_END = "<pre><code", "</code></pre>"
_FIXED = {BEGIN.format(kind): END.format(kind) for kind in SOURCES} | {CODE: CODE_END}


def split_blocks(text: str) -> Iterator[str]:
    """The blocks of a body as they are written. A card ends at its end comment, code at its end tag, an element that
    has empty lines inside at its end tag, everything else at an empty line."""
    budget = _EXTENDED
    last = {end: text.rfind(end) for end in _FIXED.values()}
    place = 0
    while True:
        while place < len(text) and text[place] in "\r\n":
            place += 1
        if place >= len(text):
            return
        end = _fixed_end(text, place, last)
        if end >= 0:
            yield text[place:end]
        else:
            end, budget = _element_end(text, place, budget)
            yield text[place:end].strip("\r\n")
        place = end


def _fixed_end(text: str, place: int, last: Mapping[str, int]) -> int:
    """Where the card or the code that begins here ends; -1 for anything else. `last` is where each end stands last."""
    for begin, end in _FIXED.items():
        if text.startswith(begin, place):
            return text.index(end, place + len(begin)) + len(end) if last[end] >= place + len(begin) else -1
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
