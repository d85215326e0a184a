"""A paragraph or a sentence of the base has no counterpart in the proposal.

A paragraph of at least 12 words is a warning; a shorter one, a sentence or a part of one is worth a look.

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

from flowbuilder.steps.builtin.guard.change import Change, Sentences
from flowbuilder.steps.builtin.guard.document import excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity
from flowbuilder.steps.builtin.guard.words import words_of

SEVERITY = "warning"
LEAST_WORDS = 12
LEAST_PART = 4
LEAST_SHARE = 0.2
"""The words of a removed part, and their share of the sentence."""


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
    for pair in change.sentences:
        if part := _lost_part(pair):
            yield Finding(
                excerpt(pair.proposal),
                f"a part of a sentence was removed: {excerpt(part)}",
                excerpt(part),
                "parts of sentences were removed",
                "info",
            )
    for sentence, _ in change.lost_sentences:
        if len(sentence) > 3:
            yield Finding(
                excerpt(sentence),
                f"a sentence was removed: {excerpt(sentence)}",
                excerpt(sentence),
                "sentences were removed",
                "info",
            )


def _lost_part(pair: Sentences) -> str:
    """The words that were removed from a sentence, side by side, if it lost no others and got none."""
    before, after = pair.base.split(), pair.proposal.split()
    old, new = words_of(pair.base), words_of(pair.proposal)
    gone = len(old) - len(new)
    if gone < LEAST_PART or gone < LEAST_SHARE * len(old):
        return ""
    same = next((index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(new))
    if old[same + gone :] != new[same:]:
        return ""
    start = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(after))
    return " ".join(before[max(0, start - 1) :])
