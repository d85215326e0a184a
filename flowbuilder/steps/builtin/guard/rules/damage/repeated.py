"""The proposal repeats a paragraph or a heading more often than the base does.

A list item that is repeated, and a part that the base repeats too, are worth a look.

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
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
LEAST_LETTERS = 40
LEAST_IDEOGRAPHS = 15
LONG = 55
"""A shorter line that announces something, such as "Run this:", may be said again."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each block whose words occur more often than in the base and at least twice."""
    before, after = Counter(_said(change.base)), Counter(_said(change.proposal))
    for said, number in after.items():
        if number > 1 and number > before[said]:
            what = {"paragraph": "paragraph", "item": "list item"}.get(said[0], "heading")
            text = excerpt(said[1])
            yield Finding(
                text,
                f"the {what} occurs {number} times: {text}",
                text,
                "parts are repeated",
                "info" if said[0] == "item" or before[said] > 1 else None,
            )


def _said(document: Document) -> Iterator[tuple[str, str]]:
    """What each paragraph and each heading says; a heading with the one that it stands below."""
    above = [""] * 8
    for block in document.prose:
        text = " ".join(block.raw.split())  # with its code, in which texts such as "Calls `a`." differ
        if block.kind == "heading" and text:
            above[block.level] = text
            yield f"{block.level} {above[block.level - 1]}", text
        elif block.kind in ("paragraph", "item") and (len(text) > LONG or not text.endswith((":", "："))):
            wide = sum(1 for character in text[:LEAST_LETTERS] if character >= "\u2e80")
            if len(text) >= (LEAST_IDEOGRAPHS if wide * 2 > len(text[:LEAST_LETTERS]) else LEAST_LETTERS):
                yield block.kind, text
