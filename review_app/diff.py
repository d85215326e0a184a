"""Compares two texts by paragraphs, then by words. Pure, with bounded running time.

Paragraphs are aligned first. Where a run of paragraphs replaces another, each is paired with the most similar one, in
order; then the words of each pair are compared, in every script. Comparing words takes quadratic time, so paragraphs of
more than 250 words are split at the ends of sentences. No piece begins or ends inside a character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from flowbuilder.language.text_segments import count_words, sentences_in, words_and_gaps, words_in

MAX_WORDS = 250
MAX_CELLS = 10_000
"""The largest table for pairing paragraphs (old times new); longer runs are halved first."""
MAX_MATCHES = 6_000
"""The maximum number of pairs of equal words for which two paragraphs are compared by words; with more they count as
rewritten. The running time of `SequenceMatcher` grows with this number, and a text may be one word repeated."""
MIN_SIMILARITY = 0.25
"""The share of common words from which two paragraphs are shown as one changed paragraph."""

Mark = Literal["same", "del", "ins"]
RowKind = Literal["same", "changed", "removed", "added"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OWN_LINE = re.compile(r"\s*(?:[-*+#>|]|\d+[.)]\s|```)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the old or the new text, with its mark."""

    mark: Mark
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A paragraph of both texts, or of one. The `old` pieces of all rows, joined, are the old text; likewise `new`."""

    kind: RowKind
    old: tuple[Piece, ...] = ()
    new: tuple[Piece, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All rows, the numbers of added and removed words, and the number of paragraphs that differ."""

    rows: tuple[Row, ...]
    words_added: int
    words_removed: int
    changes: int


def compare(old: str, new: str) -> Comparison:
    """Compare two texts. White space at the end of a paragraph is kept and never marked as a change."""
    rows = tuple(_rows(_paragraphs(old), _paragraphs(new)))
    return Comparison(
        rows=rows,
        words_added=_words(piece for row in rows for piece in row.new if piece.mark == "ins"),
        words_removed=_words(piece for row in rows for piece in row.old if piece.mark == "del"),
        changes=sum(row.kind != "same" for row in rows),
    )


def _words(pieces: Iterator[Piece]) -> int:
    return count_words("\n".join(piece.text for piece in pieces))


def _paragraphs(text: str) -> list[str]:
    """Split a text into paragraphs, list items and headings, each with the white space after it."""
    found: list[list[str]] = []
    starts_new = True
    for line in _LINE.findall(text):
        blank = not line.strip()
        if found and (blank or not (starts_new or _OWN_LINE.match(line))):
            found[-1].append(line)
        else:
            found.append([line])
        starts_new = blank or line.lstrip().startswith("#")
    return [part for lines in found for part in _split_long("".join(lines))]


def _split_long(paragraph: str) -> Iterator[str]:
    if len(paragraph) <= MAX_WORDS or count_words(paragraph) <= MAX_WORDS:
        yield paragraph
        return
    held, count = "", 0
    for sentence, size in (part for found in sentences_in(paragraph) for part in _chunks(found)):
        if held and count + size > MAX_WORDS:
            yield held
            held, count = "", 0
        held, count = held + sentence, count + size
    yield held


def _chunks(sentence: str) -> Iterator[tuple[str, int]]:
    """A sentence, or parts of it, with at most `MAX_WORDS` words, and their number."""
    size = count_words(sentence)
    if size <= MAX_WORDS:
        yield sentence, size
        return
    tokens = _tokens(sentence)
    for at in range(0, len(tokens), MAX_WORDS):
        yield (part := "".join(tokens[at : at + MAX_WORDS])), count_words(part)


def _tokens(text: str) -> list[str]:
    """The words, and what stands between them, each with the white space after it."""
    found: list[str] = []
    for part in words_and_gaps(text):
        if found and part.isspace():
            found[-1] += part
        else:
            found.append(part)
    return found


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    left, right = [part.rstrip() for part in old], [part.rstrip() for part in new]
    # with many equal paragraphs, the matcher ignores the most frequent ones as anchors
    matcher = SequenceMatcher(None, left, right, autojunk=_matching_pairs(left, right) > MAX_MATCHES)
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
        # one paragraph for one: shown side by side, however different they are
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
    """Pairs of indices of similar paragraphs, in order, with the greatest sum of similarities."""
    if not old or not new:
        return []
    if len(old) * len(new) > MAX_CELLS:
        left, right = len(old) // 2, len(new) // 2
        tail = [(left + i, right + j) for i, j in _pairs(old[left:], new[right:])]
        return _pairs(old[:left], new[:right]) + tail
    similarity = _similarity(old, new)
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below, alike = best[i], best[i + 1], similarity[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = max(below[j], row[j + 1], alike[j] and alike[j] + below[j + 1])
    found = []
    i = j = 0
    while i < len(old) and j < len(new):
        if similarity[i][j] and best[i][j] == similarity[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _similarity(old: Sequence[str], new: Sequence[str]) -> list[list[float]]:
    """Dice similarity of the word sets of each pair; 0 below `MIN_SIMILARITY`."""
    left = [frozenset(words_in(part.lower())) for part in old]
    right = [frozenset(words_in(part.lower())) for part in new]
    return [
        [share if (share := 2 * len(a & b) / (len(a) + len(b) or 1)) >= MIN_SIMILARITY else 0.0 for b in right]
        for a in left
    ]


def _changed(old: str, new: str) -> Row:
    left, right = _tokens(old.rstrip()), _tokens(new.rstrip())
    tails = old[len(old.rstrip()) :], new[len(new.rstrip()) :]
    before: list[Piece] = []
    after: list[Piece] = []
    for same, run in groupby(_runs(left, right), key=lambda run: run[0]):
        parts = list(run)
        # not merged with the piece before: the n-th `same` piece is on both sides
        before += _piece("same" if same else "del", "".join(part for _, part, _ in parts))
        after += _piece("same" if same else "ins", "".join(part for _, _, part in parts))
    if any(tails):
        before.append(Piece("same", tails[0]))
        after.append(Piece("same", tails[1]))
    return Row(kind="changed", old=tuple(before), new=tuple(after))


def _piece(mark: Mark, text: str) -> list[Piece]:
    return [Piece(mark, text)] if text else []


def _key(token: str) -> str:
    """The comparison key of a token: any white space after a word counts as one space."""
    word = token.rstrip()
    return token if not word else word + " " * (len(word) < len(token))


def _runs(old: list[str], new: list[str]) -> Iterator[tuple[bool, str, str]]:
    """Runs of equal or different tokens. A short equal run between two changes joins them: up to three letters of
    English, one of Chinese."""
    left, right = [_key(token) for token in old], [_key(token) for token in new]
    if _matching_pairs(left, right) > MAX_MATCHES:
        yield False, "".join(old), "".join(new)
        return
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        text = "".join(old[i1:i2])
        is_short = 0 < index < len(codes) - 1 and len(text.strip().encode("utf-8", "surrogatepass")) <= 3
        yield tag == "equal" and not is_short, text, "".join(new[j1:j2])


def _matching_pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(number * counts[token] for token, number in Counter(old).items())
