"""A link of the base is missing in the proposal.

Worth a look is one that occurs less often, unless its text is plain text now; one that went with its paragraph, list
item, heading or row, of which there is a finding; and one whose text leads to a target with the same last part, such as
the page under its new folder, or to a host of which `new_links` warns.

Base:
    See [storing tea](/guides/store-tea) and [kettles](/kettles).
Wrong:
    See storing tea and [kettles](/kettles).
Right:
    See [kettles](/kettles), then [storing tea](/guides/store-tea).
"""

from __future__ import annotations

from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.references import alike, bare_target, is_new_host, known_hosts
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

LEAST_WORDS = 12
"""Of a removed paragraph of so many words there is a warning of `lost_text`."""
SEVERITY = "warning"


def check(change: Change, options: RuleOptions) -> Findings:
    """Each target that the base links to and the proposal does not, or links to less often."""
    kept = change.proposal.targets
    reported = {id(block) for block in change.removed if block.kind != "paragraph" or len(block.words) >= LEAST_WORDS}
    hosts = known_hosts(change.base)
    plain = {
        target
        for old, new in change.changed
        for text, target in Counter(old.inline.links) - Counter(new.inline.links)
        if text and text in new.text and text not in {other for other, _ in new.inline.links}
    }
    same = {bare_target(target): target for target in kept}
    texts = {text: target for block in change.after for text, target in block.inline.links}
    for target, places in change.base.targets.items():
        left = kept.get(target, [])
        if len(left) >= len(places):
            continue
        if left:
            evidence = f"the link to {target} occurs {len(left)} times instead of {len(places)}"
            yield Finding(target, evidence, target, "links occur less often", None if target in plain else "info")
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
            new = texts.get(old) if old and old != target else None
            more = f"; “{old[:60]}” leads to {new[:100]} now" if new else ""
            moved = new is not None and (alike(target, new) or is_new_host(new, hosts))
            milder = moved or all(id(block) in reported for block in places)
            yield Finding(
                target,
                f"the link to {target} was removed{more}",
                target,
                "links were removed",
                "info" if milder else None,
            )
