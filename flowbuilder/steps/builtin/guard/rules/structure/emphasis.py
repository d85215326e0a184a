"""Words that the base emphasises are kept, without the emphasis.

Base:
    Use **soft** water.
Wrong:
    Use soft water.
Right:
    Use **soft** water, please.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "info"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each phrase that lost its emphasis."""
    before = Counter(phrase for old, _ in change.changed for phrase in old.inline.emphasis)
    after = Counter(phrase for block in change.after for phrase in block.inline.emphasis)
    texts = [new.text.casefold() for _, new in change.changed]
    for phrase in before - after:
        if phrase and any(phrase.casefold() in text for text in texts):
            yield Finding(
                phrase[:80], f"“{phrase[:80]}” is no longer emphasised", phrase, "phrases are no longer emphasised"
            )
