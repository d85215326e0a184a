"""Names and quotations in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.languages import Language

_PIECE = re.compile(
    r"[^\W\d_][\w\u00b7]*(?:['\u2019-][^\W_][\w]*)*|[.!?:;\u2026\u3002\uff01\uff1f\n\"\u201c\u201e\u00ab(|\u2022]|[^\s\w]"
)
_STARTS = frozenset('.!?:;…。！？\n"“„«(|•')
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.+-]{1,40}")
_QUOTES = re.compile(
    "\u201c([^\u201c\u201d]{3,600})\u201d|\u201e([^\u201e\u201c\u201d]{3,600})[\u201c\u201d]|\u00ab\\s?([^\u00ab\u00bb]{3,600}?)\\s?\u00bb"
    '|\u00bb([^\u00ab\u00bb]{3,600})\u00ab|\u300c([^\u300c\u300d]{3,600})\u300d|(?<!\\w)"([^"\\s][^"\n]{1,600})"(?!\\w)'
)


def is_marked(word: str) -> bool:
    """Whether a word is written as a name by itself: `GitHub`, `API`, `iPhone`, `K8s`."""
    return len(word) > 1 and any(letter.isupper() for letter in word[1:])


def names_of(text: str, language: Language, nouns: bool = False) -> list[str]:
    """The words that are names: with a capital letter inside a sentence, or capitals inside the word.

    In a script without capital letters, the words in Latin letters. Where all nouns have a capital letter, a word after
    an article is no name, unless `nouns` asks for all of them.
    """
    if not language.capitals:
        return [word.rstrip(".") for word in _LATIN_WORD.findall(text)]
    found: list[str] = []
    start, before = True, ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        if not piece[0].isalpha():
            start = piece in _STARTS or (start and piece != ",")
            before = ""
            continue
        name = piece.removesuffix("'s").removesuffix("’s")
        if is_marked(name) or (
            not start
            and name[0].isupper()
            and len(name) > 1
            and not (
                language.articles
                and not nouns
                and (before in language.article_words or before.endswith(("e", "er", "en", "es", "em")))
            )
        ):
            found.append(name)
        start, before = False, piece.lower() if piece[0].islower() else (before and "") or piece.lower()
    return found


def quotes_of(text: str) -> Iterator[str]:
    """The quotations of at least two words, or of four characters in scripts without spaces."""
    for match in _QUOTES.finditer(text):
        quote = next(group for group in match.groups() if group is not None)
        if " " in quote.strip() or any("\u2e80" <= character <= "\uffee" for character in quote):
            yield " ".join(quote.split())
