"""A sentence of the base is kept without its negation, or the proposal negates it.

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


def check(change: Change, options: RuleOptions) -> Findings:
    """Each changed sentence with more or fewer negations."""
    words = change.language.negation_words
    for pair in change.sentences:
        if pair.similarity < LEAST_SIMILARITY and change.language.spaced:
            continue
        before, after = (count_of(text, words, change.language) for text in (pair.base, pair.proposal))
        if before.total() > after.total():
            gone = next(iter(before - after))
            yield Finding(
                excerpt(pair.proposal),
                f"“{gone}” was removed from: {excerpt(pair.base)}",
                excerpt(pair.proposal),
                "sentences lost a negation",
            )
        elif after.total() > before.total():
            come = next(iter(after - before))
            yield Finding(
                excerpt(pair.proposal),
                f"“{come}” was added to: {excerpt(pair.base)}",
                excerpt(pair.proposal),
                "sentences are negated now",
            )
