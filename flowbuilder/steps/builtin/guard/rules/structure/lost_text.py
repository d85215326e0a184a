"""A paragraph or a sentence of the base has no counterpart in the proposal.

A paragraph of at least 12 words is a warning, a shorter one or a sentence is worth a look.

Base:
    Green tea needs 80 °C.

    Keep the tin in the dark, away from spices, because the leaves take on every smell of the room.
Wrong:
    Green tea needs 80 °C.
Right:
    Green tea needs 80 °C.

    Keep the tin in the dark and away from spices, because the leaves take on every smell of the room.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity

SEVERITY = "warning"
LEAST_WORDS = 12


def check(change: Change, options: RuleOptions) -> Findings:
    """Each lost paragraph and each lost sentence."""
    for block in change.removed:
        if block.kind == "paragraph" and block.words:
            severity: Severity | None = None if len(block.words) >= LEAST_WORDS else "info"
            yield Finding(
                block.excerpt(), f"a paragraph of {len(block.words)} words was removed: {block.excerpt()}",
                block.excerpt(),
                "paragraphs were removed", severity,
            )  # fmt: skip
    for sentence, _ in change.lost_sentences:
        if len(sentence) > 3:
            yield Finding(
                excerpt(sentence),
                f"a sentence was removed: {excerpt(sentence)}",
                excerpt(sentence),
                "sentences were removed",
                "info",
            )
