"""A part of the proposal was not compared, because it is longer than the limit, or has too many changed sentences.

Base:
    Green tea needs 80 °C.
Right:
    Green tea needs 80 °C or less.
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """One finding where a part was not read."""
    if change.unread or not change.proposal.whole:
        yield Finding("", "the proposal is too long: its last part was not checked")
    if change.compared_coarsely:
        yield Finding("", "so many sentences are changed that not all of them were compared one by one")
