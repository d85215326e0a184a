"""The proposal adds something that runs or loads content in the reader's browser: a script, an event handler, a frame.

What stands in code is code. What the base has already is no finding. A frame, a form or an embedded object of the kind
that authors add by hand is a warning; a script is not.

Base:
    Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C. <script>track()</script>
Right:
    Green tea needs 80 °C. Write `<script>` in capitals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "block"
_TAG = re.compile(r"<\s{0,9}/?\s{0,9}([A-Za-z][\w:-]{0,40})(?=[\s/>]|$)([^<>]{0,4000})")
_HANDLER = re.compile(r"(?<![\w-])on[a-z]{3,20}\s{0,9}=\s{0,9}[\"'\w]", re.IGNORECASE)
_SCHEME = re.compile(r"(?:j\s*a\s*v\s*a|v\s*b)\s*s\s*c\s*r\s*i\s*p\s*t\s*:|data:text/html", re.IGNORECASE)
_LINK_TARGET = re.compile(r"(?:\]\(\s{0,9}<?|^\s{0,3}\[[^\]\n]{1,200}\]:\s{0,9}<?|=\s{0,9}[\"']?)\s{0,9}$")
_DATA = re.compile(
    r"\btype\s{0,9}=\s{0,9}[\"']?(?:application/(?:ld\+)?json|text/(?:template|plain|x-))", re.IGNORECASE
)
_SETUP = re.compile(r"\bsetup\b")  # of a Vue component, as VitePress pages have it
_IMPORTS = re.compile(r"(?:import [\w{}, *$]{1,500} from ['\"][^'\"]{1,200}['\"];? ?){0,40}")
_RUNS = ("script", "base", "meta", "object", "embed", "applet", "frame", "frameset")
_LOADS = ("iframe", "form", "portal")


def check(change: Change, options: RuleOptions) -> Findings:
    """What runs that the base has less often."""
    before = Counter(what for what, _, _ in _running(change.base))
    for what, severity, place in _running(change.proposal):
        if before[what] > 0:
            before[what] -= 1
            continue
        yield Finding(
            place,
            f"would run a script or load content: {what}",
            item=what,
            many="parts would run a script or load content",
            severity="warning" if severity == "warning" and change.has_base else None,
        )


def _running(document: Document) -> Iterator[tuple[str, str, str]]:
    raw = document.outside_code
    for match in _TAG.finditer(raw):
        name = match[1].lower()
        if match[0][:3].replace(" ", "").startswith("</"):
            continue
        place = excerpt(raw[max(0, match.start() - 20) : match.end() + 60])
        component = match[1][0].isupper() and not match[1].isupper()
        if name in _RUNS and not component:
            if name != "script":
                yield f"<{name}{_source(match[2])}", "block", place
            elif not _DATA.search(match[2]):
                program = _program(raw, match.end())
                severity = "warning" if _SETUP.search(match[2]) and _IMPORTS.fullmatch(program) else "block"
                yield f"<script{_source(match[2])}> {program[:80]}".rstrip(), severity, place
        elif name in _LOADS and not component:
            severity = "block" if "srcdoc" in match[2].lower() else "warning"
            yield f"<{name}{_source(match[2])}", severity, place
        for handler in _HANDLER.finditer(match[2]):
            yield match[2][handler.start() :][:80], "block", excerpt(match[0])
    for match in _SCHEME.finditer(raw):
        if _LINK_TARGET.search(raw[max(0, match.start() - 220) : match.start()]):
            yield match[0], "block", excerpt(raw[max(0, match.start() - 40) :])


def _program(raw: str, start: int) -> str:
    """The beginning of what a script does."""
    return " ".join(raw[start : start + 2_000].partition("</")[0].split())


def _source(attributes: str) -> str:
    found = re.search(r"\b(?:src|action|data|href)\s{0,9}=\s{0,9}[\"']?([^\s\"'<>]{1,200})", attributes, re.IGNORECASE)
    return f" {found[1]}" if found else ""
