"""The difference of two texts as people see it: paragraphs aligned, then words. Pure, and bounded in time.

Paragraphs are aligned first; where a run of them was replaced by another, each is paired with the one it shares most
words with, without crossing; inside a pair the words are compared. Comparing words takes quadratic time, so paragraphs
of more than 250 words are cut at the ends of sentences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

MAX_WORDS = 250
MAX_CELLS = 10_000
MAX_MEETINGS = 6_000
"""How often equal words may meet (the product of their counts, summed) before two paragraphs count as rewritten: the
time that the matcher takes grows with it, and a text may be one word repeated."""
ALIKE = 0.25
"""The share of words two paragraphs must have in common to be shown as one that changed."""

Mark = Literal["same", "del", "ins"]
RowKind = Literal["same", "changed", "removed", "added"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OWN_LINE = re.compile(r"\s*(?:[-*+#>|]|\d+[.)]\s|```)")
_SENTENCE = re.compile(r"\S.*?(?:[.!?…][\"'”’)\]]*\s+|\Z)", re.DOTALL)
_TOKEN = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
_WORD = re.compile(r"\w+")
_CHUNK = re.compile(rf"(?:\s*\S+){{1,{MAX_WORDS}}}\s*")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one side's text."""

    mark: Mark
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A paragraph of both sides, or of one. The texts of all `old` pieces, joined over all rows, are the old text."""

    kind: RowKind
    old: tuple[Piece, ...] = ()
    new: tuple[Piece, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All rows, how many words are only on one side, and how many paragraphs differ."""

    rows: tuple[Row, ...]
    words_added: int
    words_removed: int
    changes: int


def compare(old: str, new: str) -> Comparison:
    """Compare two texts. White space at the ends of paragraphs is kept and not marked."""
    rows = tuple(_rows(_paragraphs(old), _paragraphs(new)))
    return Comparison(
        rows=rows,
        words_added=_words(piece for row in rows for piece in row.new if piece.mark == "ins"),
        words_removed=_words(piece for row in rows for piece in row.old if piece.mark == "del"),
        changes=sum(row.kind != "same" for row in rows),
    )


def _words(pieces: Iterator[Piece]) -> int:
    return sum(len(_WORD.findall(piece.text)) for piece in pieces)


def _paragraphs(text: str) -> list[str]:
    """Cut a text into paragraphs, list items and headings, each with the white space that follows it."""
    found: list[list[str]] = []
    fresh = True
    for line in _LINE.findall(text):
        blank = not line.strip()
        if found and (blank or not (fresh or _OWN_LINE.match(line))):
            found[-1].append(line)
        else:
            found.append([line])
        fresh = blank or line.lstrip().startswith("#")
    return [part for lines in found for part in _cut("".join(lines))]


def _cut(paragraph: str) -> Iterator[str]:
    if len(paragraph) <= MAX_WORDS or len(paragraph.split()) <= MAX_WORDS:
        yield paragraph
        return
    held, count = "", 0
    start = len(paragraph) - len(paragraph.lstrip())
    pieces = [sentence for found in _SENTENCE.findall(paragraph[start:]) for sentence in _CHUNK.findall(found)]
    for sentence in pieces:
        size = len(sentence.split())
        if held and count + size > MAX_WORDS:
            yield paragraph[:start] + held
            start, held, count = 0, "", 0
        held, count = held + sentence, count + size
    yield paragraph[:start] + held


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    left, right = [part.rstrip() for part in old], [part.rstrip() for part in new]
    # with many equal paragraphs the matcher may pass over the commonest ones as anchors
    matcher = SequenceMatcher(None, left, right, autojunk=_meetings(left, right) > MAX_MEETINGS)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        before, after = old[old_from:old_to], new[new_from:new_to]
        if tag == "equal":
            yield from (
                Row(kind="same", old=(Piece("same", left),), new=(Piece("same", right),))
                for left, right in zip(before, after, strict=True)
            )
        else:
            yield from _replaced(before, after)


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    if len(old) == len(new) == 1 and not _pairs(old, new):
        # one for one: they stand beside each other, however little they share
        yield Row(kind="changed", old=(Piece("del", old[0]),), new=(Piece("ins", new[0]),))
        return
    at_old = at_new = 0
    for left, right in [*_pairs(old, new), (len(old), len(new))]:
        yield from (Row(kind="removed", old=(Piece("del", part),)) for part in old[at_old:left])
        yield from (Row(kind="added", new=(Piece("ins", part),)) for part in new[at_new:right])
        if left < len(old):
            yield _changed(old[left], new[right])
        at_old, at_new = left + 1, right + 1


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs, in order and without crossing, with the greatest sum of words in common; (indices)."""
    if not old or not new:
        return []
    if len(old) * len(new) > MAX_CELLS:
        left, right = len(old) // 2, len(new) // 2
        tail = [(left + i, right + j) for i, j in _pairs(old[left:], new[right:])]
        return _pairs(old[:left], new[:right]) + tail
    likeness = _likeness(old, new)
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below, alike = best[i], best[i + 1], likeness[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = max(below[j], row[j + 1], alike[j] and alike[j] + below[j + 1])
    found = []
    i = j = 0
    while i < len(old) and j < len(new):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _likeness(old: Sequence[str], new: Sequence[str]) -> list[list[float]]:
    """Twice the words in common over all words, 0 where that is too little."""
    left = [frozenset(_WORD.findall(part.lower())) for part in old]
    right = [frozenset(_WORD.findall(part.lower())) for part in new]
    return [
        [share if (share := 2 * len(a & b) / (len(a) + len(b) or 1)) >= ALIKE else 0.0 for b in right] for a in left
    ]


def _changed(old: str, new: str) -> Row:
    left, right = _TOKEN.findall(old.rstrip()), _TOKEN.findall(new.rstrip())
    tails = old[len(old.rstrip()) :], new[len(new.rstrip()) :]
    before: list[Piece] = []
    after: list[Piece] = []
    for same, run in groupby(_runs(left, right), key=lambda run: run[0]):
        parts = list(run)
        # not merged with what stands before: the n-th piece that is the same stands on both sides
        before += _piece("same" if same else "del", "".join(part for _, part, _ in parts))
        after += _piece("same" if same else "ins", "".join(part for _, _, part in parts))
    if any(tails):
        before.append(Piece("same", tails[0]))
        after.append(Piece("same", tails[1]))
    return Row(kind="changed", old=tuple(before), new=tuple(after))


def _piece(mark: Mark, text: str) -> list[Piece]:
    return [Piece(mark, text)] if text else []


def _key(token: str) -> str:
    """What tokens are compared by: the kind of white space after a word does not matter, its presence does."""
    word = token.rstrip()
    return token if not word else word + " " * (len(word) < len(token))


def _runs(old: list[str], new: list[str]) -> Iterator[tuple[bool, str, str]]:
    """Runs that are the same or not; one short word or sign between two changes is taken into them."""
    left, right = [_key(token) for token in old], [_key(token) for token in new]
    if _meetings(left, right) > MAX_MEETINGS:
        yield False, "".join(old), "".join(new)
        return
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        text = "".join(old[i1:i2])
        island = 0 < index < len(codes) - 1 and len(text.strip()) <= 3
        yield tag == "equal" and not island, text, "".join(new[j1:j2])


def _meetings(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(number * counts[token] for token, number in Counter(old).items())
