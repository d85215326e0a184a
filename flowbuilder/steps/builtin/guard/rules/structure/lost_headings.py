"""A heading of the base is missing in the proposal or has other words.

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

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each heading that was removed or reworded."""
    titles = {" ".join(block.text.casefold().split()) for block in change.proposal.blocks if block.kind == "heading"}
    for block in change.removed:
        if block.kind == "heading" and " ".join(block.text.casefold().split()) not in titles:
            yield Finding(
                block.text[:80], f"the heading “{block.text[:120]}” was removed", block.text, "headings were removed"
            )
    for old, new in change.changed:
        if old.kind == "heading" and old.text.split() != new.text.split():
            yield Finding(
                new.text[:80],
                f"the heading “{old.text[:100]}” became “{new.text[:100]}”",
                old.text,
                "headings were reworded",
            )
