"""The proposal adds something that runs or loads content in the reader's browser: a script, an event handler, a frame.

What stands in code is code. What the base has already is no finding. A frame or a form, as authors add them by hand, is
a warning. A script or an event handler is one too where it belongs to the page: in an HTML template (the base has
conditions or loops of the site's generator), in place of one that the base has, or in an HTML page with scripts of its
own, as long as it names no host that the scripts of the base do not name; and a `<script setup>` of a Vue page that
only imports.

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
from typing import NamedTuple

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions, Severity

SEVERITY = "block"
_TAG = re.compile(r"<\s{0,9}/?\s{0,9}([A-Za-z][\w:-]{0,40})(?=[\s/>]|$)([^<>]{0,4000})")
_HANDLER = re.compile(r"(?<![\w-])(on[a-z]{3,20})\s{0,9}=\s{0,9}[\"'\w]", re.IGNORECASE)
_SCHEME = re.compile(r"(?:j\s*a\s*v\s*a|v\s*b)\s*s\s*c\s*r\s*i\s*p\s*t\s*:|data:text/html", re.IGNORECASE)
_LINK_TARGET = re.compile(r"(?:\]\(\s{0,9}<?|^\s{0,3}\[[^\]\n]{1,200}\]:\s{0,9}<?|=\s{0,9}[\"']?)\s{0,9}$")
_DATA = re.compile(
    r"\btype\s{0,9}=\s{0,9}[\"']?(?:application/(?:ld\+)?json|text/(?:template|plain|x-))", re.IGNORECASE
)
_SETUP = re.compile(r"\bsetup\b")  # of a Vue component, as VitePress pages have it
_IMPORTS = re.compile(r"(?:import [\w{}, *$]{1,500} from ['\"][^'\"]{1,200}['\"];? ?){0,40}")
_HOST = re.compile(r"(?:https?:)?//(?:[^\s/@\"'<>]{0,80}@)?([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_TEMPLATE = re.compile(
    r"\{%-?\s*(?:if|unless|for|case|block|extends|macro|capture|assign)\s|\{\{-?\s*(?:if|range|with|define|block)\s|<\?php\s"
)
_RUNS = ("script", "base", "meta", "object", "embed", "applet", "frame", "frameset")
_LOADS = ("iframe", "form", "portal")


class _Running(NamedTuple):
    """A part that runs or loads something; `kind` is equal for parts that may stand for each other."""

    kind: str
    what: str
    severity: Severity
    place: str
    hosts: frozenset[str] = frozenset()


def check(change: Change, options: RuleOptions) -> Findings:
    """What runs that the base has less often."""
    base, proposal = list(_running(change.base)), list(_running(change.proposal))
    known = Counter(part.what for part in base)
    hosts = frozenset[str]().union(*(part.hosts for part in base))
    own = change.base.html and (
        _TEMPLATE.search(change.base.text) is not None or any(part.kind.startswith("script") for part in base)
    )
    left = Counter(part.what for part in proposal)
    gone = Counter[str]()
    for part in base:
        left[part.what] -= 1
        gone[part.kind] += left[part.what] < 0
    for part in proposal:
        if known[part.what] > 0:
            known[part.what] -= 1
            continue
        severity = part.severity if change.has_base else "block"
        if severity == "block" and part.hosts <= hosts and (own or gone[part.kind] > 0):
            severity = "warning"
        gone[part.kind] -= 1
        yield Finding(
            part.place,
            f"would run a script or load content: {part.what}",
            item=part.what,
            many="parts would run a script or load content",
            severity="warning" if severity == "warning" else None,
        )


def _running(document: Document) -> Iterator[_Running]:
    raw = document.outside_code
    for match in _TAG.finditer(raw):
        name = match[1].lower()
        if match[0][:3].replace(" ", "").startswith("</"):
            continue
        place = excerpt(raw[max(0, match.start() - 20) : match.end() + 60])
        hosts = frozenset(_HOST.findall(match[2].lower()))
        component = match[1][0].isupper() and not match[1].isupper()
        if name in _RUNS and not component:
            if name != "script":
                if name != "meta" or "http-equiv" in match[2].lower():
                    yield _Running(name, f"<{name}{_source(match[2])}", "block", place, hosts)
            elif not _DATA.search(match[2]):
                source, program = _source(match[2]), _program(raw, match.end())
                imports = _SETUP.search(match[2]) is not None and _IMPORTS.fullmatch(program) is not None
                severity: Severity = "warning" if imports else "block"
                what = f"<script{source}> {program[:80]}".rstrip()
                hosts |= frozenset(_HOST.findall(program.lower()))
                yield _Running(f"script{' src' * bool(source)}", what, severity, place, hosts)
        elif name in _LOADS and not component:
            severity = "block" if "srcdoc" in match[2].lower() else "warning"
            yield _Running(name, f"<{name}{_source(match[2])}", severity, place, hosts)
        for handler in _HANDLER.finditer(match[2]):
            called = match[2][handler.start() :][:80]
            yield _Running(f"{name} {handler[1].lower()}", called, "block", excerpt(match[0]), hosts)
    for match in _SCHEME.finditer(raw):
        if _LINK_TARGET.search(raw[max(0, match.start() - 220) : match.start()]):
            yield _Running("address", match[0], "block", excerpt(raw[max(0, match.start() - 40) :]))


def _program(raw: str, start: int) -> str:
    """The beginning of what a script does."""
    return " ".join(raw[start : start + 2_000].removeprefix(">").partition("</")[0].split())


def _source(attributes: str) -> str:
    found = re.search(r"\b(?:src|action|data|href)\s{0,9}=\s{0,9}[\"']?([^\s\"'<>]{1,200})", attributes, re.IGNORECASE)
    return f" {found[1]}" if found else ""
