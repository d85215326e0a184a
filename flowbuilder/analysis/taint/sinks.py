"""Taint sinks: published content, the host of a URL, a program, the name and arguments of a tool."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec import Struct

from flowbuilder.analysis.model import LocatedStep, LocatedText
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.review_targets import is_shown
from flowbuilder.analysis.taint.sources import Mark, Marks, Trail, marks_of
from flowbuilder.language import Reference
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.steps.step import Place, Sink

_FIXED_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#\\]+[/?#]|/(?![/\\])|\0[^/?#\\]*[/?#]", re.IGNORECASE)
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LITERAL = re.compile(r"\s*(['\"])((?:(?!\1)[^\\])*)\1\s*[~+]\s*")


class TaintFlow(Struct, frozen=True, kw_only=True):
    """Untrusted text that reaches a sink: the text, the reference that carries it, and its trail."""

    located: LocatedStep
    text: LocatedText
    reference: Reference | None
    trail: Trail
    sources: tuple[str, ...] = ()
    """All sources that the text may come from, including that of the trail."""

    @property
    def path(self) -> str:
        """`steps.write.output.body <- write <- page (web page)`."""
        start = f"{dotted(self.reference.path)} <- " if self.reference is not None else ""
        return f"{start}{self.trail}"

    @property
    def field(self) -> str:
        """The field of the step: `body`, `json.text`."""
        return ".".join(map(str, self.text.place[len(self.located.place) :]))


def taint_flows(
    propagation: Propagation, waived: Collection[str] = (), *, sinks: tuple[Sink, ...]
) -> Iterator[TaintFlow]:
    """Every text at one of these sinks that untrusted text reaches.

    Approved text is untrusted where it was changed since the approval, and always where it would be a program. The URL
    of a step that writes is published text, unless a reviewer of what is written is shown it.
    """
    for located in propagation.analysis.steps:
        for text in located.texts:
            sink = text.sink
            if sink == "host" and "publish" in sinks and located.step.sends_urls():
                sink = "publish"
            if sink in sinks:
                marks = marks_of(propagation.checked[text].shape.trust)
                if sink != "code":
                    marks = frozenset(mark for mark in marks if not mark.approved)
                found = _flow(propagation, located, text, marks, waived)
                is_url = sink != text.sink
                if found is not None and not (is_url and is_shown(propagation, located, text)):
                    yield found


def approval_places(propagation: Propagation, located: LocatedStep, waived: Collection[str] = ()) -> tuple[Place, ...]:
    """The places, below the step, whose content a reviewer must have approved byte for byte before it is published."""
    found: list[Place] = []
    waived = (*waived, *waivers(propagation, located))
    for text in located.texts:
        if text.sink == "publish":
            marks = marks_of(propagation.checked[text].shape.trust)
            if any(mark.approved for mark in marks) and propagation.sources.shortest_trail(marks, waived) is not None:
                found.append(text.place[len(located.place) :])
    return tuple(found)


def waivers(propagation: Propagation, located: LocatedStep) -> tuple[str, ...]:
    """The StepPaths of the sources that a step's `trust` waives."""
    return tuple(propagation.prefix + trust.source for trust in located.step.trusts)


def dotted(path: NamePath) -> str:
    """A path as an author writes it: `steps.page.output.links[0]`."""
    first, *keys = path
    return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def host_is_fixed(found: TaintFlow) -> bool:
    """Whether the host of a URL comes before the untrusted text: `https://example.com/{{ slug }}`."""
    if found.reference is None:
        return False
    before = found.text.compiled.source[: found.reference.start]
    at = before.rfind("{{")
    literal = _LITERAL.fullmatch(before[at + 2 :]) if at >= 0 else None
    start = _OUTPUT.sub("\0", before[:at]) + (literal[2] if literal else "")
    return _FIXED_HOST.match(start.lstrip()) is not None


def _flow(
    propagation: Propagation, located: LocatedStep, text: LocatedText, marks: Marks, waived: Collection[str]
) -> TaintFlow | None:
    waived = (*waived, *waivers(propagation, located))
    trail = propagation.sources.shortest_trail(marks, waived)
    if trail is None:
        return None
    sources = propagation.sources.sources_of(marks, waived)
    for reference in text.compiled.references:
        carried = frozenset(Mark(mark.step) for mark in propagation.marks(text, reference))
        own = propagation.sources.shortest_trail(carried & frozenset(Mark(mark.step) for mark in marks), waived)
        if own is not None:
            return TaintFlow(located=located, text=text, reference=reference, trail=own, sources=sources)
    return TaintFlow(located=located, text=text, reference=None, trail=trail, sources=sources)
