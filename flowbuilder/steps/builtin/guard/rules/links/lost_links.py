"""A link of the base is missing in the proposal.

Base:
    See [storing tea](/guides/store-tea) and [kettles](/kettles).
Wrong:
    See storing tea and [kettles](/kettles).
Right:
    See [kettles](/kettles), then [storing tea](/guides/store-tea).
"""

from __future__ import annotations

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each target that the base links to and the proposal does not."""
    kept = change.proposal.targets
    for target, places in change.base.targets.items():
        left = kept.get(target, [])
        if not left:
            yield Finding(target, f"the link to {target} was removed", target, "links were removed")
        elif len(left) < len(places):
            yield Finding(
                target,
                f"the link to {target} occurs {len(left)} times instead of {len(places)}",
                target,
                "links occur less often",
                "info",
            )
