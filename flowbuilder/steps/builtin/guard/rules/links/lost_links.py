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
from flowbuilder.steps.builtin.guard.references import bare_target
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each target that the base links to and the proposal does not, or links to less often."""
    kept = change.proposal.targets
    same = {bare_target(target): target for target in kept}
    texts = {text: target for block in change.after for text, target in block.inline.links}
    for target, places in change.base.targets.items():
        left = kept.get(target, [])
        if len(left) >= len(places):
            continue
        if left:
            evidence = f"the link to {target} occurs {len(left)} times instead of {len(places)}"
            yield Finding(target, evidence, target, "links occur less often", "info")
        elif (other := same.get(bare_target(target))) is not None:
            yield Finding(
                target,
                f"the link to {target} is now written {other}",
                target,
                "links are written in another way",
                "info",
            )
        else:
            old = next((text for text, known in places[0].inline.links if known == target), "")
            new = texts.get(old) if old != target else None
            more = f"; “{old[:60]}” leads to {new[:100]} now" if new else ""
            yield Finding(target, f"the link to {target} was removed{more}", target, "links were removed")
