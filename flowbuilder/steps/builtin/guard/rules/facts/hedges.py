"""A sentence of the base says that something may be so, and the proposal that it is.

Where more of the sentence is changed, this is worth a look, no more.

Base:
    Green tea may help you to relax.
Wrong:
    Green tea will help you to relax.
Wrong:
    Green tea helps you to relax.
Right:
    Green tea may help you to relax a little.
"""

from __future__ import annotations

import re

from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.languages import count_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity

SEVERITY = "warning"
_OF_SOMETHING = re.compile(
    r"\b(?:about|around)\b(?!\s+(?:[\d$€£~]|an?\s|half|one|two|three|four|five|six|seven|eight|nine|ten|twenty|hundred|thousand))",
    re.IGNORECASE,
)
"""Words that are no caution before what they are about: `about 80`, but not `about tea`."""
LEAST_SIMILARITY = 0.55
LIKELY = 0.75
"""Sentences that are less alike may say another thing: worth a look."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each changed sentence with fewer words of caution, or more words of certainty."""
    for pair in change.sentences:
        if pair.similarity < LEAST_SIMILARITY:
            continue
        language, texts = pair.language, (pair.base, pair.proposal)
        careful = [count_of(_OF_SOMETHING.sub(" ", text), language.caution_words, language) for text in texts]
        if careful[0].total() > careful[1].total():
            gone = next(iter(careful[0] - careful[1]))
            yield _finding(pair, f"“{gone}” was removed from: {excerpt(pair.base)}")
            continue
        certain = [count_of(text, language.certain_words, language) for text in texts]
        if certain[1].total() > certain[0].total():
            come = next(iter(certain[1] - certain[0]))
            yield _finding(pair, f"“{come}” was added to: {excerpt(pair.base)}")


def _finding(pair: Sentences, evidence: str) -> Finding:
    place = excerpt(pair.proposal)
    severity: Severity | None = None if pair.similarity >= LIKELY else "info"
    return Finding(place, evidence, place, "sentences are more certain now", severity)
