"""Words, sentences and characters of a text by the rules of Unicode (UAX 29), in every script.

Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces between words: their words are found with the
dictionaries of ICU. All functions take linear time. ICU reads UTF-16, where half of a surrogate pair cannot be; it is
read as U+FFFD, which has the same length here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flowbuilder.values import well_formed

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uaa60-\uaa7f"
    "\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no spaces between words."""
_LONGEST_CHARACTER = 10_000
"""How many code points before a cut are looked at for the beginning of a character."""
_LONGEST_WORDS = 200
"""How many code points before and after a cut are looked at for the words of a script without spaces."""


def words_and_gaps(text: str) -> Iterator[str]:
    """The words of a text and what stands between them, in order: joined, they are the text."""
    from icu4py.breakers import WordBreaker  # here and below: loading it takes 15 ms, and few commands need it

    whole = well_formed(text)
    segments = WordBreaker(whole, "und")
    return iter(segments) if whole == text else _parts(text, segments)


def is_word(segment: str) -> bool:
    """Whether a part of `words_and_gaps` is a word: it has a letter or a digit."""
    return segment[0].isalnum() or (len(segment) > 1 and _LETTER_OR_DIGIT.search(segment) is not None)


def words_in(text: str) -> list[str]:
    """The words of a text: `"It's 3.5 km"` has three."""
    return [segment for segment in words_and_gaps(text) if is_word(segment)]


def count_words(text: str) -> int:
    """The number of words of a text."""
    from icu4py.breakers import WordBreaker

    return sum(map(is_word, WordBreaker(well_formed(text), "und")))


def sentences_in(text: str) -> list[str]:
    """The sentences of a text, each with the white space after it: joined, they are the text."""
    from icu4py.breakers import SentenceBreaker

    return list(_parts(text, SentenceBreaker(well_formed(text), "und")))


def _parts(text: str, segments: Iterable[str]) -> Iterator[str]:
    """The parts of a text that are as long as those of its well-formed copy."""
    at = 0
    for segment in segments:
        yield text[at : (at := at + len(segment))]


def characters_in(text: str) -> list[str]:
    """The characters of a text as readers see them: a letter with its marks, an emoji; joined, they are the text."""
    from icu4py.breakers import CharacterBreaker

    return list(_parts(text, CharacterBreaker(well_formed(text), "und")))


def whole_characters(text: str, length: int) -> str:
    """At most the first `length` code points, without a part of a character: a letter with its marks, an emoji."""
    from icu4py.breakers import CharacterBreaker

    if length >= len(text):
        return text
    start = max(0, length - _LONGEST_CHARACTER, text.rfind("\n", 0, length) + 1)
    cut = start
    for character in CharacterBreaker(well_formed(text[start : length + _LONGEST_CHARACTER]), "und"):
        if cut + len(character) > length:
            break
        cut += len(character)
    return text[:cut]


def whole_words(text: str, length: int) -> str:
    """At most the first `length` code points, cut between words where there is a place: at white space, or between the
    words of a script without spaces; else between characters."""
    kept = whole_characters(text, length)
    if len(kept) == len(text) or not kept or kept[-1].isspace() or text[len(kept)].isspace():
        return kept
    space = len(kept) - len(kept.rsplit(None, 1)[-1])
    cut, at, before = space, max(space, len(kept) - _LONGEST_WORDS), ""
    tail = text[at : len(kept) + _LONGEST_WORDS]
    for segment in words_and_gaps(tail) if _WITHOUT_SPACES.search(tail) else ():
        if at > len(kept):
            break
        if before and (_WITHOUT_SPACES.match(before[-1]) or _WITHOUT_SPACES.match(segment)):
            cut = at
        at, before = at + len(segment), segment
    return text[:cut] if cut else kept
