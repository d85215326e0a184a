"""The proposal links to an address that the base does not link to.

A new host is a warning; another page of a host that the base links to, a host above or below one, and another page of
the same site are worth a look.

Base:
    See [storing tea](/guides/store-tea).
Wrong:
    See [storing tea](/guides/store-tea) and [our shop](https://shop.example/tea).
Right:
    See [storing tea](/guides/store-tea) and put the tin away.
"""

from __future__ import annotations

import re

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.references import bare_target, host_of, is_new_host, known_hosts
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_NOT_FOLLOWED = re.compile(r"\s*(?:javascript|vbscript|data):", re.IGNORECASE)


def check(change: Change, options: RuleOptions) -> Findings:
    """Each new target."""
    if not change.has_base:
        return
    known = change.base.targets
    bare = set(map(bare_target, known))
    hosts = known_hosts(change.base)
    for target in change.proposal.targets:
        if target in known or bare_target(target) in bare or _NOT_FOLLOWED.match(target):
            continue
        if is_new_host(target, hosts):
            yield Finding(
                target,
                f"a link to {host_of(target)}, which the page did not link to",
                target,
                "links to hosts that the page did not link to",
            )
        else:
            yield Finding(
                target, f"a new link: check that {target} exists", target, "new links: check that they exist", "info"
            )
