"""A name of a sentence is another one in the proposal, is spelled in another way, or is missing.

Names are words with a capital letter inside a sentence, and words such as `GitHub` and `API`. A name that is
missing or new, and an ordinary word that has a small letter now, are worth a look.

Base:
    The tin comes from Japan, says Yamada.
Wrong:
    The tin comes from China, says Yamada.
Wrong:
    The tin comes from Japan, says Yamanda.
Right:
    The good tin comes from Japan, says Yamada.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.languages import Language
from flowbuilder.steps.builtin.guard.mentions import is_marked, names_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
_RUN = re.compile(r"[A-Za-z][A-Za-z0-9.+-]{0,40}|[^\W_A-Za-z]+|[^\s\w]")
MAX_NAMES = 100
"""Names of a sentence that are compared."""
MAX_WORDS = 2_000
"""Words of a sentence among which the places of names are compared."""
NEARLY_THE_SAME = 0.8
"""Of sentences that are so alike, all words with a capital letter are compared."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each name that a changed sentence lost or replaced, and each one that it has and the page has not."""
    written = " ".join(sentence for sentence, _ in change.written())
    vocabulary = change.base.vocabulary
    reported: set[str] = set()
    for pair in change.sentences:
        before, after = (
            names_of(text, pair.language, nouns=pair.similarity >= NEARLY_THE_SAME)
            for text in (pair.base, pair.proposal)
        )
        words, known = _words(pair.proposal, pair.language), set(_words(pair.base, pair.language))
        folded = {word.casefold() for word in known}
        candidates = list(islice((word for word in dict.fromkeys(words) if word not in known), MAX_NAMES))
        present = set(words)
        lost = list(islice((Counter(before) - Counter(after)).elements(), MAX_NAMES))
        new = list(islice((Counter(after) - Counter(before)).elements(), MAX_NAMES))
        heading = pair.block.kind == "heading"
        replaced = {} if heading else _in_their_places(lost, pair, new)
        for name in lost:
            other = replaced.get(name)
            if other is None:
                if name in present and not is_marked(name):
                    continue
                other = _spelling(name, candidates, folded, name in present)
            if other is not None and other != name:
                if other in new:
                    new.remove(other)
                reported.add(other)
                ordinary = other.casefold() == name.casefold() and not is_marked(name)
                yield Finding(
                    excerpt(pair.proposal),
                    f"the name {name} became {other}",
                    name,
                    "names were changed",
                    "info" if ordinary else None,
                )
            elif not heading and name not in written:
                yield Finding(
                    excerpt(pair.proposal),
                    f"the name {name} was removed from: {excerpt(pair.proposal)}",
                    name,
                    "names were removed",
                    "info",
                )
        for name in () if heading else new:
            if name not in reported and not set(words_of(name)) <= vocabulary:
                reported.add(name)
                yield Finding(
                    excerpt(pair.proposal),
                    f"the name {name} is not on the page",
                    name,
                    "names are not on the page",
                    "info",
                )


def _in_their_places(lost: list[str], pair: Sentences, new: list[str]) -> dict[str, str]:
    """The lost names, each with the new name between the same two words."""
    if not lost or not new:
        return {}
    before, after = ([None, *_words(text, pair.language)[:MAX_WORDS], None] for text in (pair.base, pair.proposal))
    wanted, fresh = set(lost), set(new)
    places = {(after[at - 1], after[at + 1]): after[at] for at in range(1, len(after) - 1) if after[at] in fresh}
    found: dict[str, str] = {}
    for at in range(1, len(before) - 1):
        name, other = before[at], places.get((before[at - 1], before[at + 1]))
        if name in wanted and other is not None:
            found.setdefault(str(name), other)
    return found


def _spelling(name: str, candidates: list[str], old: set[str], kept: bool) -> str | None:
    """The word among the candidates that is the name in another spelling. `old` are the words of the base."""
    from rapidfuzz.distance import OSA  # needed for a few words only

    for word in candidates:
        if word == name or abs(len(word) - len(name)) > 2:
            continue
        if word.casefold() == name.casefold():
            if is_marked(name) or (word[0].islower() and not kept):
                return word
        elif word.casefold() not in old and len(name) > 3:
            allowed = 1 if len(name) < 6 else 2
            if OSA.distance(word.casefold(), name.casefold(), score_cutoff=allowed) <= allowed:
                return word
    return None


def _words(text: str, language: Language) -> list[str]:
    """The words as they are written; where Latin letters make a name, what stands between two names is one word."""
    if not language.capitals:
        return [word.rstrip(".") for word in _RUN.findall(text)]
    return [word for part in text.split() if (word := part.strip(".,;:!?()[]{}\"'“”‘’«»„*_"))]
