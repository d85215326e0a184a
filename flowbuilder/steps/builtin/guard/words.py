"""The words and sentences of a text, in every script."""

from __future__ import annotations

import re

from flowbuilder.language.text_segments import words_and_gaps

_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
)
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0dff"
"""Marks that belong to the letter before them, such as the vowels of Hindi, and the letters of their scripts."""
_LETTER = rf"[^\W_{_WITHOUT_SPACES}]"
_WORD = re.compile(rf"[{_WITHOUT_SPACES}]+|(?:{_LETTER}|[{MARKS}])+(?:['\u2019](?!\d){_LETTER}{{1,3}}(?!\w))?")
_SPACELESS = re.compile(f"[{_WITHOUT_SPACES}]")
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019\u00bb)]{0,3}\s+|(?<=[\u3002\uff01\uff1f\u0964])|\n")


def words_of(text: str) -> list[str]:
    """The words in lower case; those of scripts without spaces are found with dictionaries."""
    found = _WORD.findall(text.casefold())
    if _SPACELESS.search(text) is None:
        return found
    return [word for word in words_and_gaps("\n".join(found)) if word != "\n"]


def sentences_of(text: str) -> list[str]:
    """The sentences; an abbreviation may end one too early, which is the same on both sides of a comparison."""
    return [sentence for part in _SENTENCE.split(text) if (sentence := part.strip())]
