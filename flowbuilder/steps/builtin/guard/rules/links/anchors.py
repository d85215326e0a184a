"""An anchor of the base is missing in the proposal, to which a link on this page or on another may lead.

One of another element than a heading or a link, to which no link of the page leads, is worth a look.

Base:
    ## Storing tea {#store}

    Keep it in the dark.
Wrong:
    ## Storing tea

    Keep it in the dark.
Right:
    ## Storing tea {#store}

    Keep it in the dark, please.
"""

from __future__ import annotations

import re

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity

SEVERITY = "warning"
_ANCHOR = re.compile(
    r"\{:?\s?#([\w:.-]{1,100})[^{}\n]{0,200}\}"
    r"|<(?P<tag>[A-Za-z][\w-]{0,30})\b[^<>]{0,500}?\s(?:id|name)\s?=\s?[\"']?([\w:.-]{1,100})"
)
_WITH_NAMES = ("form", "input", "button", "select", "textarea", "meta", "param", "slot", "iframe", "template")
"""Elements of which a name is no anchor."""
_STRICT = re.compile(r"a|h[1-6]")


def check(change: Change, options: RuleOptions) -> Findings:
    """Each anchor that is not in the proposal."""
    kept = _anchors(change.proposal.outside_code)
    linked = {target.removeprefix("#") for target in change.proposal.targets if target.startswith("#")}
    for anchor, strict in _anchors(change.base.outside_code).items():
        if anchor not in kept:
            evidence = f"the anchor #{anchor} was removed"
            severity: Severity | None = None if strict or anchor in linked else "info"
            yield Finding(f"#{anchor}", evidence, anchor, "anchors were removed", severity)


def _anchors(text: str) -> dict[str, bool]:
    """The anchors, and whether each is made to be one."""
    found: dict[str, bool] = {}
    for match in _ANCHOR.finditer(text):
        tag = (match["tag"] or "").lower()
        if tag not in _WITH_NAMES:
            found[match[1] or match[3]] = not tag or _STRICT.fullmatch(tag) is not None
    return found
