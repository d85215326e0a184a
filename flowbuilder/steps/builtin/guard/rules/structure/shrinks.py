"""The proposal has fewer words than `share` (0.6) of the base.

Base:
    Green tea needs water of about 80 °C, and two minutes for the first infusion.
Wrong:
    Green tea needs water.
Right:
    Green tea needs water of about 80 °C, and two minutes for each infusion.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """One finding where too much is gone."""
    old, new = len(change.base.words), len(change.proposal.words)
    if old and new < old * (options.share or 0.6):
        yield Finding("", f"{new} words instead of {old}")
