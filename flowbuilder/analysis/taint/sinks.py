"""Where untrusted text must not go: what is published, the host of a URL, a program, the name of a tool."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from flowbuilder.analysis.model import Located, Text
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sources import Mark, Marks, Trail, marks_of
from flowbuilder.language import Reference
from flowbuilder.language.parsing.references import Path
from flowbuilder.steps.step import Place, Sink

_FIXED = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#\\]+[/?#]|/(?![/\\])|\0[^/?#\\]*[/?#]", re.IGNORECASE)
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LITERAL = re.compile(r"\s*(['\"])((?:(?!\1)[^\\])*)\1\s*[~+]\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """Untrusted text that reaches a sink: where, by which reference, and the way it took."""

    located: Located
    text: Text
    reference: Reference | None
    trail: Trail
    sources: tuple[str, ...] = ()
    """All that the text may come from, the source of the trail included."""

    @property
    def way(self) -> str:
        """`steps.write.output.body <- write <- page (web page)`."""
        start = f"{dotted(self.reference.path)} <- " if self.reference is not None else ""
        return f"{start}{self.trail}"

    @property
    def field(self) -> str:
        """The field of the step: `body`, `json.text`."""
        return ".".join(map(str, self.text.place[len(self.located.place) :]))


def reached(shaping: Propagation, waived: Collection[str] = (), *, sinks: tuple[Sink, ...]) -> Iterator[Reached]:
    """Every text at one of these sinks that untrusted text reaches.

    What a reviewer approved counts where it was changed since, and always where it would be a program.
    """
    for located in shaping.analysis.all:
        for text in located.texts:
            sink = text.sink
            if sink == "host" and "publish" in sinks and located.step.sends_urls():
                sink = "publish"
            if sink in sinks:
                marks = marks_of(shaping.seen[text].shape.trust)
                if sink != "code":
                    marks = frozenset(mark for mark in marks if not mark.approved)
                found = _reached(shaping, located, text, marks, waived)
                if found is not None:
                    yield found


def must_be_approved(shaping: Propagation, located: Located, waived: Collection[str] = ()) -> tuple[Place, ...]:
    """The places in a step, below it, whose content a person must have approved, byte for byte, to be published."""
    found: list[Place] = []
    waived = (*waived, *waivers(shaping, located))
    for text in located.texts:
        if text.sink == "publish":
            marks = marks_of(shaping.seen[text].shape.trust)
            if any(mark.approved for mark in marks) and shaping.sources.first_trail(marks, waived) is not None:
                found.append(text.place[len(located.place) :])
    return tuple(found)


def waivers(shaping: Propagation, located: Located) -> tuple[str, ...]:
    """The StepPaths that a step's `trust` vouches for."""
    return tuple(shaping.prefix + trust.source for trust in located.step.trusts)


def dotted(path: Path) -> str:
    """A path as an author writes it."""
    first, *keys = path
    return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def host_is_fixed(found: Reached) -> bool:
    """Whether the host of a URL is settled before the untrusted text begins: `https://example.com/{{ slug }}`."""
    if found.reference is None:
        return False
    before = found.text.text.source[: found.reference.start]
    at = before.rfind("{{")
    literal = _LITERAL.fullmatch(before[at + 2 :]) if at >= 0 else None
    start = _OUTPUT.sub("\0", before[:at]) + (literal[2] if literal else "")
    return _FIXED.match(start.lstrip()) is not None


def _reached(
    shaping: Propagation, located: Located, text: Text, marks: Marks, waived: Collection[str]
) -> Reached | None:
    waived = (*waived, *waivers(shaping, located))
    trail = shaping.sources.first_trail(marks, waived)
    if trail is None:
        return None
    sources = shaping.sources.sources_of(marks, waived)
    for reference in text.text.references:
        carried = frozenset(Mark(mark.step) for mark in shaping.marks(text, reference))
        own = shaping.sources.first_trail(carried & frozenset(Mark(mark.step) for mark in marks), waived)
        if own is not None:
            return Reached(located=located, text=text, reference=reference, trail=own, sources=sources)
    return Reached(located=located, text=text, reference=None, trail=trail, sources=sources)
