"""An item of a list of the base is missing in the proposal.

Base:
    - Boil the water.
    - Let it cool.
    - Pour.
Wrong:
    - Boil the water.
    - Pour.
Right:
    - Boil the water.
    - Let it cool down.
    - Pour.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each lost item."""
    for block in change.removed:
        if block.kind == "item" and block.raw.strip():
            yield Finding(
                block.excerpt(),
                f"a list item was removed: {block.excerpt()}",
                block.excerpt(),
                "list items were removed",
            )
