"""The proposal has characters that a wrong encoding or a second escaping left, such as `Ã©` or `&amp;amp;`.

Base:
    The café opens at noon & closes late.
Wrong:
    The cafÃ© opens at noon & closes late.
Right:
    The café opens at noon & closes at ten.
"""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_WRONG = re.compile(
    "\ufffd|[\u00c3\u00c2][\u0080-\u00bf\u20ac\u201a-\u203a\u0160-\u017e]|\u00e2\u20ac[\u2122\u0153\u009d\u201c\u201d\u2013\u02dc\u00a6]?"
    "|&amp;(?:amp|lt|gt|quot|nbsp|#\\d{2,5});|\\\\u[0-9a-f]{4}|(?<=[.:!?])\\\\n(?:\\\\n)?(?=[A-Z#*-])",
    re.IGNORECASE,
)


def check(change: Change, options: RuleOptions) -> Findings:
    """Each such run of characters that the base has less often."""
    before = Counter(what for what, _ in _wrong(change.base))
    for what, place in _wrong(change.proposal):
        if before[what] > 0:
            before[what] -= 1
        else:
            yield Finding(place, f"looks like a broken encoding: {what}", what, "runs of characters look broken")


def _wrong(document: Document) -> list[tuple[str, str]]:
    source = document.source
    return [
        (match[0], excerpt(source[max(0, match.start() - 30) : match.end() + 30])) for match in _WRONG.finditer(source)
    ]
