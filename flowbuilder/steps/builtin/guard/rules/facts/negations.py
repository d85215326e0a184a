"""A sentence of the base is kept without its negation, or the proposal negates it.

Where more of the sentence is changed, this is worth a look, no more.

Base:
    Do not boil the water again.
Wrong:
    Do boil the water again.
Right:
    Please do not boil the water again.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.languages import count_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
LEAST_SIMILARITY = 0.6
LIKELY = 0.75
"""Of sentences that are less alike, what is negated may have become another thing: worth a look."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each changed sentence with more or fewer negations."""
    words = change.language.negation_words
    for pair in change.sentences:
        if pair.similarity < LEAST_SIMILARITY:
            continue
        before, after = (count_of(text, words, change.language) for text in (pair.base, pair.proposal))
        if before.total() == after.total():
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
