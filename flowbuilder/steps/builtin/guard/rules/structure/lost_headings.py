"""A heading of the base is missing in the proposal or has other words.

A heading that keeps most of its words is worth a look.

Base:
    ## Storing green tea

    Text.
Wrong:
    ## Where to put it

    Text.
Right:
    ## Storing green tea

    Another text.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.alignment import similarity
from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

ALIKE = 0.6
SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each heading that was removed or reworded."""
    titles = {block.title.casefold() for block in change.proposal.blocks if block.kind == "heading"}
    for block in change.removed:
        if block.kind == "heading" and block.title.casefold() not in titles:
            yield Finding(
                block.title[:80], f"the heading “{block.title[:120]}” was removed", block.title, "headings were removed"
            )
    for old, new in change.changed:
        if old.kind == "heading" and old.title != new.title:
            yield Finding(
                new.title[:80],
                f"the heading “{old.title[:100]}” became “{new.title[:100]}”",
                old.title,
                "headings were reworded",
                "info" if similarity(old.words, new.words) >= ALIKE else None,
            )
