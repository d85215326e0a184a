"""The proposal has front matter where the base has none, or the other way round: fields such as `title:` in the text.

Base:
    Green tea needs 80 °C.
Wrong:
    ---
    title: Green tea
    ---

    Green tea needs 80 °C.
Right:
    Green tea needs 80 °C, or a little less.
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

_ENTRY = re.compile(r"^\s*- ", re.MULTILINE)
SEVERITY = "warning"
_FIELDS = re.compile(
    r"^\s{0,3}[\"*]{0,3}(?:title|description|date|slug|tags|categories|layout|author|permalink|draft|meta "
    r"description|meta title"
    r"|seo title|canonical|titel|titre|título|beschreibung)[\"*]{0,3}\s?[:=][*]{0,2}[ \t]\S[^\n]{0,200}$",
    re.IGNORECASE | re.MULTILINE,
)


def check(change: Change, options: RuleOptions) -> Findings:
    """Front matter that was added or lost, fields of it that were lost, and lines in the text that look like it."""
    base, proposal = (
        [block.raw for block in document.blocks if block.kind == "front_matter"]
        for document in (change.base, change.proposal)
    )
    if proposal and not base:
        yield Finding("---", "the text begins with front matter, which the page does not have in its text")
    elif change.has_base and base and not proposal:
        yield Finding("---", "the front matter was removed")
    elif base and proposal and base != proposal:
        kept = set(_names(proposal[0]))
        for name in _names(base[0]):
            if name not in kept:
                yield Finding(name, f"the field {name} of the front matter was removed", name, "fields were removed")
        entries = len(_ENTRY.findall(base[0])) - len(_ENTRY.findall(proposal[0]))
        lines = Counter(" ".join(line.split()) for line in proposal[0].split("\n"))
        for line in map(str.strip, base[0].split("\n")):
            lines[" ".join(line.split())] -= 1
            if line and lines[" ".join(line.split())] < 0:
                evidence = f"a line of the front matter was changed or removed: {line}"
                entry = line.startswith("- ") and entries > 0  # such as a tag
                entries -= entry
                yield Finding(
                    line,
                    evidence,
                    line,
                    "lines of the front matter were changed or removed",
                    None if entry else "info",
                )
    known = {" ".join(line.split()) for line in _FIELDS.findall(change.base.text)}
    for block in change.after:
        if block.kind not in ("paragraph", "heading"):
            continue
        for line in _FIELDS.findall(block.raw):
            if " ".join(line.split()) not in known:
                yield Finding(line.strip()[:80], "looks like a line of front matter in the text")


def _names(front_matter: str) -> list[str]:
    return re.findall(r"^[\w-]{1,60}(?=\s{0,3}[:=])", front_matter, re.MULTILINE)
