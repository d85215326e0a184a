"""A sentence of the base is kept without its negation, the proposal negates it, or says the opposite of a word.

Where more of the sentence is changed, this is worth a look, no more.

Base:
    Do not boil the water again.
Wrong:
    Do boil the water again.
Right:
    Please do not boil the water again.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.languages import count_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
LEAST_SIMILARITY = 0.6
LIKELY = 0.75
"""Of sentences that are less alike, what is negated may have become another thing: worth a look."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each changed sentence with more or fewer negations."""
    for pair in change.sentences:
        if pair.similarity < LEAST_SIMILARITY:
            continue
        before, after = (
            count_of(text, pair.language.negation_words, pair.language) for text in (pair.base, pair.proposal)
        )
        if before.total() == after.total():
            yield from _opposites(pair)
            continue
        removed = before.total() > after.total()
        word = next(iter(before - after if removed else after - before))
        yield Finding(
            excerpt(pair.proposal),
            f"“{word}” was {'removed from' if removed else 'added to'}: {excerpt(pair.base)}",
            excerpt(pair.proposal),
            "sentences lost a negation" if removed else "sentences are negated now",
            None if pair.similarity >= LIKELY else "info",
        )


def _opposites(pair: Sentences) -> Findings:
    """Words in whose place stands their opposite, such as “before” and “after”."""
    before, after = Counter(words_of(pair.base)), Counter(words_of(pair.proposal))
    come = after - before
    for word in before - after:
        for other in pair.language.opposite_words.get(word, ()):
            if other in come:
                yield Finding(
                    excerpt(pair.proposal),
                    f"“{word}” became “{other}”: {excerpt(pair.proposal)}",
                    excerpt(pair.proposal),
                    "sentences say the opposite",
                    None if pair.similarity >= LIKELY else "info",
                )
