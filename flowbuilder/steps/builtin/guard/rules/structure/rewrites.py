"""More of the base than `share` (0.8) is changed or removed.

Base:
    Green tea needs 80 °C.

    Black tea needs 95 °C.
Wrong:
    Some like it hot.

    Others prefer cold drinks.
Right:
    Green tea needs 80 °C.

    Black tea likes 95 °C.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "info"


def check(change: Change, options: RuleOptions) -> Findings:
    """One finding where too much is different, measured in characters of whole blocks."""
    blocks = change.base.blocks
    total = sum(len(block.raw) for block in blocks)
    kept = sum(len(blocks[index].raw) for index, _ in change.kept)
    changed = 1 - kept / total if total else 0.0
    if changed > (options.share or 0.8):
        yield Finding("", f"{changed:.0%} of the text is changed or removed")
