"""A heading skips a level, or has another level than in the base.

Base:
    ## Tea

    ### Green tea

    Text.
Wrong:
    ## Tea

    ##### Green tea

    Text.
Right:
    ## Tea

    ### Green tea

    Another text.
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each skipped level beyond those of the base, and each heading whose level changed."""
    before = {block.title: block.level for block in change.base.blocks if block.kind == "heading"}
    counts = Counter(block.title for block in change.base.blocks if block.kind == "heading")
    reported: set[str] = set()
    for block in change.after:
        title = block.title
        if block.kind == "heading" and title and counts[title] == 1 and before[title] != block.level:
            reported.add(title)
            yield Finding(
                block.title[:80],
                f"the heading “{block.title[:80]}” had level {before[title]}, now {block.level}",
                block.title,
                "headings have another level",
            )
    allowed = Counter(_skips(change.base).values())
    for title, (above, level) in _skips(change.proposal).items():
        if allowed[above, level] > 0:
            allowed[above, level] -= 1
        elif title and title not in reported:
            yield Finding(
                title[:80],
                f"a heading of level {level} follows a heading of level {above}",
                title,
                "headings skip a level",
            )


def _skips(document: Document) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    above = 0
    for block in document.blocks:
        if block.kind == "heading":
            if above and block.level > above + 1:
                found[block.title] = (above, block.level)
            above = block.level
    return found
