"""The proposal adds something that runs or loads content in the reader's browser: a script, an event handler, a frame.

What stands in code is code. What the base has already is no finding; a program is compared to its end. A frame or a
form, as authors add them by hand, is a warning. A script or an event handler is one too where it belongs to the page:
in an HTML template (the base has conditions or loops of the site's generator), in place of one that the base has, or in
an HTML page with scripts of its own, as long as it names no host that the scripts of the base do not name, but for
links; and a `<script setup>` of a Vue page that only imports. A script in which no more than words in quotation marks
are others, such as a date, is worth a look.

Base:
    Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C. <script>track()</script>
Right:
    Green tea needs 80 °C. Write `<script>` in capitals.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
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
_SCRIPT_END = re.compile(r"</script(?![\w-])", re.IGNORECASE)
_CALLED = re.compile(r"[\w-]{1,30}\s{0,9}=\s{0,9}(?:\"[^\"]*|'[^']*|[^\s\"'>]*)")
_LINKED = re.compile(
    r"(?<![.\w])[\"']?(?:href|link|homepage|website)[\"']?\s{0,9}[:=]\s{0,9}\\?[\"'][^\s\"'<>]{1,500}"
    r"|<a\s(?:(?!\bon|script:)[^<>]){1,600}"
)
_VALUE = re.compile(r"\"[\w .,:-]{0,60}\"|'[\w .,:-]{0,60}'")
_ADDRESS = re.compile(r"[^\"'\n>]{0,2000}")
MAX_SHOWN = 80


class _Running(NamedTuple):
    """A part that runs or loads something; `kind` is equal for parts that may stand for each other."""

    kind: str
    what: str
    """The whole of it: a program to its end."""
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
    gone: dict[str, deque[str]] = defaultdict(deque)
    for part in base:
        left[part.what] -= 1
        if left[part.what] < 0:
            gone[part.kind].append(part.what)
    for part in proposal:
        if known[part.what] > 0:
            known[part.what] -= 1
            continue
        old = gone[part.kind].popleft() if gone[part.kind] else None
        severity = part.severity if change.has_base else "block"
        if severity == "block" and part.hosts <= hosts and (own or old is not None):
            same = old is not None and part.kind == "script" and _without_words(old) == _without_words(part.what)
            severity = "info" if same else "warning"
        yield Finding(
            part.place,
            f"would run a script or load content: {_shown(old, part.what)}",
            item=part.what[:MAX_SHOWN],
            many="parts would run a script or load content",
            severity=None if severity == "block" else severity,
        )


def _without_words(program: str) -> str:
    """A program without the words in its quotation marks."""
    return _VALUE.sub("''", program)


def _shown(old: str | None, new: str) -> str:
    """The beginning of what runs; of a long one that was changed, where it begins to differ."""
    pairs = enumerate(zip(old or "", new, strict=False))
    same = next((index for index, (before, after) in pairs if before != after), min(len(old or ""), len(new)))
    if old is None or same < MAX_SHOWN // 2:
        return new[:MAX_SHOWN]
    start = same - 10
    return f"{new[:20]}… “…{old[start : start + MAX_SHOWN]}” became “…{new[start : start + MAX_SHOWN]}”"


def _running(document: Document) -> Iterator[_Running]:
    raw = document.outside_code
    ended = 0
    for match in _TAG.finditer(raw):
        name = match[1].lower()
        if match[0][:3].replace(" ", "").startswith("</"):
            continue
        place = excerpt(raw[max(0, match.start() - 20) : match.end() + 60])
        hosts = frozenset(_HOST.findall(match[2].lower()))
        component = match[1][0].isupper() and not match[1].isupper()
        attributes = " ".join(match[2].split())
        if name in _RUNS and not component:
            if name != "script":
                if name != "meta" or "http-equiv" in match[2].lower():
                    yield _Running(name, f"<{name} {attributes}".rstrip(" /"), "block", place, hosts)
            elif not _DATA.search(match[2]):
                end = _end_of_program(raw, match.end(), inside=match.start() < ended)
                ended = max(ended, end)
                source, program = _source(match[2]), " ".join(raw[match.end() : end].removeprefix(">").split())
                imports = _SETUP.search(match[2]) is not None and _IMPORTS.fullmatch(program) is not None
                severity: Severity = "warning" if imports else "block"
                what = f"<script{source}> {program}".rstrip()
                hosts |= frozenset(_HOST.findall(_LINKED.sub(" ", program.lower())))
                yield _Running(f"script{' src' * bool(source)}", what, severity, place, hosts)
        elif name in _LOADS and not component:
            inside = "srcdoc" in match[2].lower()
            what = f"<{name} {attributes}" if inside else f"<{name}{_source(match[2])}"
            yield _Running(name, what, "block" if inside else "warning", place, hosts)
        for handler in _HANDLER.finditer(match[2]):
            called = _CALLED.match(match[2], handler.start())
            what = " ".join((called or handler)[0].split())
            yield _Running(f"{name} {handler[1].lower()}", what, "block", excerpt(match[0]), hosts)
    for match in _SCHEME.finditer(raw):
        if _LINK_TARGET.search(raw[max(0, match.start() - 220) : match.start()]):
            rest = _ADDRESS.match(raw, match.end())
            what = match[0] + (rest[0] if rest else "")
            yield _Running("address", what, "block", excerpt(raw[max(0, match.start() - 40) :]))


def _end_of_program(raw: str, start: int, *, inside: bool) -> int:
    """Where the program of a script ends, as browsers read it; of one `inside` another, at most 2,000 characters on."""
    last = min(len(raw), start + 2_000) if inside else len(raw)
    found = _SCRIPT_END.search(raw, start, last)
    return found.start() if found else last


def _source(attributes: str) -> str:
    found = re.search(r"\b(?:src|action|data|href)\s{0,9}=\s{0,9}[\"']?([^\s\"'<>]{1,200})", attributes, re.IGNORECASE)
    return f" {found[1]}" if found else ""
