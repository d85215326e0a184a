"""What the rules know of a language: its commonest words, negations, words of caution, months, numbers and warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Language:
    """Each field is a text of words in lower case with spaces between them; `_` stands for a space in a word."""

    code: str
    common: str = ""
    """The commonest words, by which the language is recognised."""
    letters: str = ""
    """Letters that its neighbours lack: each counts as half a common word."""
    negations: str = ""
    cautions: str = ""
    """Words that say that something may be, and is not certain."""
    certainties: str = ""
    opposites: str = ""
    """Pairs of words that say the opposite of each other, `before/after`."""
    months: str = ""
    """The twelve months, and their short forms after them in the same order."""
    numbers: str = ""
    """Numbers in words."""
    warnings: str = ""
    """Words that begin a warning or a disclaimer."""
    spaced: bool = True
    """Whether words stand apart. If not, the words of the lists are looked for as parts of the text."""
    capitals: bool = True
    """Whether a capital letter inside a sentence marks a name."""
    articles: str = field(default="")
    """Where all nouns have a capital letter: the words before a noun that is no name."""

    @cached_property
    def common_words(self) -> frozenset[str]:
        """The commonest words."""
        return frozenset(self.common.split())

    @cached_property
    def negation_words(self) -> frozenset[str]:
        """Words that negate."""
        return _words(self.negations)

    @cached_property
    def caution_words(self) -> frozenset[str]:
        """Words of caution."""
        return _words(self.cautions)

    @cached_property
    def certain_words(self) -> frozenset[str]:
        """Words of certainty."""
        return _words(self.certainties)

    @cached_property
    def opposite_words(self) -> dict[str, list[str]]:
        """Words with their opposites."""
        found: dict[str, list[str]] = {}
        for pair in self.opposites.split():
            first, _, second = pair.partition("/")
            found.setdefault(first, []).append(second)
            found.setdefault(second, []).append(first)
        return found

    @cached_property
    def number_words(self) -> frozenset[str]:
        """Numbers in words."""
        return _words(self.numbers)

    @cached_property
    def month_numbers(self) -> dict[str, int]:
        """Months in lower case with their numbers."""
        return {name: place % 12 + 1 for place, name in enumerate(self.months.split())}

    @cached_property
    def warning_words(self) -> tuple[str, ...]:
        """Beginnings of warnings."""
        return tuple(word.replace("_", " ") for word in self.warnings.split())

    @cached_property
    def article_words(self) -> frozenset[str]:
        """Words before a noun that is no name."""
        return _words(self.articles)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in text.split())
