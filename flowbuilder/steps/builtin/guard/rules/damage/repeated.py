"""The proposal repeats a paragraph or a heading more often than the base does.

Base:
    Green tea needs water of about 80 °C, not more.

    Wait two minutes.
Wrong:
    Green tea needs water of about 80 °C, not more.

    Wait two minutes.

    Green tea needs water of about 80 °C, not more.
Right:
    Green tea needs water of about 80 °C, not more.

    Wait two minutes, or three.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block, Document
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
LEAST_LETTERS = 20


def check(change: Change, options: RuleOptions) -> Findings:
    """Each block whose words occur more often than in the base and at least twice."""
    before, after = _texts(change.base), _texts(change.proposal)
    first = {_said(block): block for block in reversed(change.proposal.blocks) if _said(block)}
    for said, number in after.items():
        if number > 1 and number > before[said]:
            block = first[said]
            what = "heading" if block.kind == "heading" else "paragraph" if block.prose else "piece of code"
            yield Finding(
                block.excerpt(),
                f"the {what} occurs {number} times: {block.excerpt()}",
                block.excerpt(),
                "parts are repeated",
            )


def _texts(document: Document) -> Counter[tuple[str, str]]:
    return Counter(said for block in document.blocks if (said := _said(block)))


def _said(block: Block) -> tuple[str, str] | None:
    if block.kind == "heading":
        return (
            f"heading{block.level}{block.section if block.level > 2 else ''}"[:9],
            " ".join(block.raw.casefold().split()),
        )
    if block.kind in ("paragraph", "item", "code", "row") and len(block.raw) >= LEAST_LETTERS * (
        1 if block.prose else 3
    ):
        return ("text" if block.prose else "code", " ".join(block.raw.split()).strip())
    return None
