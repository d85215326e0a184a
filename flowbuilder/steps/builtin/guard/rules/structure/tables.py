"""A row, a column or a cell of a table of the base is missing in the proposal.

Base:
    | tea | water |
    | --- | --- |
    | green | 80 °C |
    | black | 95 °C |
Wrong:
    | tea | water |
    | --- | --- |
    | green | 80 °C |
Right:
    | tea | water |
    | --- | --- |
    | green | 80 °C |
    | black | 95 °C |
    | white | 80 °C |
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each lost row, and each row that has fewer or other cells."""
    for block in change.removed:
        if block.kind == "row":
            yield Finding(
                block.excerpt(),
                f"a table row was removed: {block.excerpt()}",
                block.excerpt(),
                "table rows were removed",
            )
    for old, new in change.changed:
        if old.kind != "row":
            continue
        if len(new.cells) < len(old.cells):
            gone = next(iter((Counter(old.cells) - Counter(new.cells)).elements()), "")
            yield Finding(
                new.excerpt(),
                f"a table row has {len(new.cells)} cells instead of {len(old.cells)}: {gone[:80]}",
                new.excerpt(),
                "table rows have fewer cells",
            )
            continue
        for before, after in zip(old.cells, new.cells, strict=False):
            if before.strip() and not after.strip():
                yield Finding(
                    new.excerpt(), f"a table cell was emptied: {before[:80]}", before, "table cells were emptied"
                )
            elif before.split() != after.split():
                yield Finding(
                    new.excerpt(),
                    f"a table cell was changed: “{before[:80]}” became “{after[:80]}”",
                    before,
                    "table cells were changed",
                    "info",
                )
