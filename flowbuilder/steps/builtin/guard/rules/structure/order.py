"""Parts that the proposal keeps stand in another order.

For the steps of a numbered list and for headings this is a warning, for other parts worth a look.

Base:
    1. Boil the water.
    2. Let it cool.
    3. Pour it over the leaves.
Wrong:
    1. Let it cool.
    2. Boil the water.
    3. Pour it over the leaves.
Right:
    1. Boil the water.
    2. Let it cool for a while.
    3. Pour it over the leaves.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each moved part."""
    times = Counter(block.key for document in (change.base, change.proposal) for block in document.blocks)
    for _, place in change.alignment.moved:
        block = change.proposal.blocks[place]
        if times[block.key] > 2:  # which of the equal parts stands where says nothing
            continue
        if block.kind in ("comment", "markup") or not block.raw.strip():
            continue
        strict = block.kind == "heading" or (block.kind == "item" and block.info == "1")
        yield Finding(
            block.excerpt(), f"stands in another place: {block.excerpt()}", block.excerpt(), "parts stand in "
            "another place",
            None if strict else "info",
        )  # fmt: skip
