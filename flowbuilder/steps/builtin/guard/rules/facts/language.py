"""The proposal, or a part of it, is in another language than the base.

Base:
    The water for green tea should be hot, but it must not boil. Wait for two minutes.
Wrong:
    Das Wasser für grünen Tee soll heiß sein, aber es darf nicht kochen. Warten Sie zwei Minuten.
Right:
    The water for green tea should be hot, but it must not boil. Wait for two minutes, said Ada: Das ist alles.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.languages import language_of
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
LEAST_WORDS = 8
MARGIN = 1.5


def check(change: Change, options: RuleOptions) -> Findings:
    """Each changed or new block in another language, where the language of the base is clear."""
    expected = change.base_language
    if expected is None:
        return
    for block in change.after:
        if block.kind not in ("paragraph", "item", "heading") or len(block.words) < LEAST_WORDS:
            continue
        found = language_of(block.text, MARGIN)
        if found is not None and found.code != expected.code and found.code not in change.languages_before:
            yield Finding(
                block.excerpt(), f"is written in another language ({found.code} instead of {expected.code}): "
                f"{block.excerpt()}", block.excerpt(),
                f"parts are written in another language ({found.code} instead of {expected.code})",
            )  # fmt: skip
