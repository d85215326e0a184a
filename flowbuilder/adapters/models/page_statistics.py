"""Text statistics of a page and its searches: sections, central sentences, answers, gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz

from flowbuilder.values import JsonObject

MAX_SENTENCES = 200
MAX_SEARCHES = 100
SAME_WORD = 85.0
"""Minimum similarity, of 100, at which two words count as forms of one: infuse and infused do, leaf and leaves do
not."""
_HEADING = re.compile(r"^(#{1,6})[ \t]+([^\n]*)", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])[ \t\n]+(?=[\"'“*_\[]?[A-Z0-9])")
_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,1000}\)")
_NOT_PROSE = ("|", "#", ">", "```", "* ", "- ", "+ ", "![", "<", "    ")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about am an and any are as at be been best but by can could did do does for from had has have how i if in into
        is it its many me most much my no not of on or our should so some than that the their them then there these they
        this to too up was we were what when where which who why will with without you your
        """,
    )
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """The Markdown under one heading; before the first heading, `heading` is empty."""

    heading: str
    text: str

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """Sentences of the prose, without lists, tables, quotations or code."""
        found: list[str] = []
        for block in re.split(r"\n\s*\n", self.text):
            if not block.lstrip("\n").startswith(_NOT_PROSE) and not re.match(r"\s*\d+[.)] ", block):
                found += (" ".join(part.split()) for part in _SENTENCE.split(block.strip()))
        return tuple(part for part in found if len(part) > 1)[:MAX_SENTENCES]

    @cached_property
    def words(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The sentences with their content words."""
        return tuple((sentence, frozenset(content_words(plain(sentence)))) for sentence in self.sentences)


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search query, with the page's clicks and impressions for it."""

    query: str
    clicks: float
    impressions: float


@dataclass(frozen=True, kw_only=True)
class PageStatistics:
    """Statistics of a page and its searches."""

    sections: tuple[Section, ...]
    searches: tuple[Search, ...]
    title: str = ""

    @cached_property
    def central(self) -> tuple[str, ...]:
        """Sentences below the first heading, ordered by the words they share with others."""
        below = [section for section in self.sections if section.heading]
        sentences = [part for section in below for part in section.sentences][:MAX_SENTENCES]
        words = [frozenset(content_words(plain(part))) for part in sentences]

        def weight(index: int) -> float:
            mine = words[index]
            if not 4 <= len(mine) <= 40 or sentences[index].endswith((":", "?")):
                return -1.0
            shared = sum(len(mine & other) / (1 + len(mine | other)) for other in words if other is not mine)
            return (0.1 + shared) * (1 - index / (2 * len(sentences)))

        order = sorted(range(len(sentences)), key=lambda index: (-weight(index), index))
        return tuple(sentences[index] for index in order if weight(index) > 0)

    @cached_property
    def topic(self) -> frozenset[str]:
        """The words that most searches share."""
        counts: dict[str, int] = {}
        for search in self.searches:
            for word in set(content_words(search.query)):
                counts[word] = counts.get(word, 0) + 1
        return frozenset(word for word, count in counts.items() if count * 2 >= len(self.searches) > 2)

    def has_heading(self, query: str) -> bool:
        """Whether a heading or the title has all words of a query, without those of the topic."""
        wanted = [word for word in content_words(query) if word not in self.topic]
        headings = [self.title, *(section.heading for section in self.sections)]
        return not wanted or any(_holds(heading, wanted) for heading in headings)

    def answer(self, query: str) -> str | None:
        """A sentence of the page with all words of a query, else the first sentence of a section on it."""
        asked = frozenset(content_words(query))
        wanted = [self._forms(word) for word in asked - self.topic]
        for section in self.sections:
            for sentence, words in section.words:
                if wanted and not any(words.isdisjoint(forms) for forms in wanted):
                    return sentence
            named = [word for word in content_words(section.heading) if word not in self.topic]
            if named and section.sentences and all(_known(word, asked) for word in named):
                return section.sentences[0]
        return None

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset().union(*(words for section in self.sections for _, words in section.words))

    def _forms(self, word: str) -> frozenset[str]:
        return frozenset(other for other in self._vocabulary if _known(other, frozenset((word,))))

    def years(self, before: int) -> dict[str, int]:
        """The years before `before` that the page names, with their counts."""
        text = " ".join(f"{section.heading} {section.text}" for section in self.sections)
        found = [year for year in _YEAR.findall(text) if int(year) < before]
        return {year: found.count(year) for year in sorted(set(found))}


def sections_of(markdown: str) -> tuple[Section, ...]:
    """The sections of a Markdown text, in order, without the heading lines themselves."""
    found: list[Section] = []
    heading, start = "", 0
    for match in _HEADING.finditer(markdown):
        found.append(Section(heading=heading, text=markdown[start : match.start()]))
        heading, start = match[2].strip(" \t#"), match.end()
    found.append(Section(heading=heading, text=markdown[start:]))
    return tuple(section for section in found if section.heading or section.text.strip())[:MAX_SENTENCES]


def searches_of(rows: Iterable[JsonObject]) -> tuple[Search, ...]:
    """Search Console's rows by query, most impressions first, at most `MAX_SEARCHES`.

    The query is the last key that is not a URL, date or device.
    """
    sums: dict[str, tuple[float, float]] = {}
    for row in rows:
        keys = [str(key) for key in row.get("keys") or () if " " in str(key).strip() or str(key).isalpha()]
        keys = [key for key in keys if "://" not in key and not key.isupper()]
        if keys:
            clicks, impressions = sums.get(keys[-1], (0.0, 0.0))
            sums[keys[-1]] = (clicks + _figure(row, "clicks"), impressions + _figure(row, "impressions"))
    found = [Search(query=query, clicks=clicks, impressions=seen) for query, (clicks, seen) in sums.items()]
    return tuple(sorted(found, key=lambda search: (-search.impressions, search.query))[:MAX_SEARCHES])


def plain(markdown: str) -> str:
    """The text of a line of Markdown; a link as its text."""
    return _LINK.sub(r"\1", markdown).replace("*", "").replace("`", "")


def content_words(text: str) -> tuple[str, ...]:
    """The words without stop words, lower case, in order."""
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def _holds(text: str, wanted: Sequence[str]) -> bool:
    words = frozenset(content_words(text))
    return bool(words) and all(_known(word, words) for word in wanted)


def _known(word: str, among: frozenset[str]) -> bool:
    if word in among:
        return True
    # forms of one word share their beginning; comparing all words would take seconds on a large page
    return any(other[:3] == word[:3] and fuzz.ratio(word, other) >= SAME_WORD for other in among)


def _figure(row: JsonObject, name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
