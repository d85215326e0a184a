"""Taint sinks: published content, the host of a URL, a program, the arguments of a tool, what decides over a write."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct

from flowbuilder.analysis.model import LocatedStep, LocatedText
from flowbuilder.analysis.nullability import hiding_iteration
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.review_targets import is_shown
from flowbuilder.analysis.taint.sources import Mark, Marks, Trail, marks_of
from flowbuilder.language import Reference
from flowbuilder.language.parsing.references import NamePath
from flowbuilder.language.types.taint import joined
from flowbuilder.steps.step import Place, Sink


class TaintFlow(Struct, frozen=True, kw_only=True):
    """Untrusted text that reaches a sink: the text, the reference that carries it, and its trail."""

    located: LocatedStep
    text: LocatedText
    reference: Reference | None
    trail: Trail
    sources: tuple[str, ...] = ()
    """All sources that the text may come from, including that of the trail."""
    waivable: str = ""
    """The step that a waiver names to cover the source of the trail: that step, or the iteration that hides it."""

    @property
    def path(self) -> str:
        """`steps.write.output.body <- write <- page (web page)`."""
        start = f"{dotted(self.reference.path)} <- " if self.reference is not None else ""
        return f"{start}{self.trail}"

    @property
    def place(self) -> Place:
        """The place of the text below the step."""
        return self.text.place[len(self.located.place) :]

    @property
    def field(self) -> str:
        """The field of the step: `body`, `json.text`."""
        return ".".join(map(str, self.place))


def taint_flows(
    propagation: Propagation, waived: Collection[str] = (), *, sinks: tuple[Sink, ...]
) -> Iterator[TaintFlow]:
    """Every text at one of these sinks that untrusted text reaches.

    Approved text is untrusted where it was changed since the approval, and always where it would be a program. The URL
    of a step that writes is published text, unless a reviewer of what is written is shown it.
    """
    for located in propagation.analysis.steps:
        for text in located.texts:
            if text.sink in sinks or ("publish" in sinks and is_published(located, text)):
                marks = frozenset(mark for mark in _marks(propagation, text) if not mark.spelled)
                if text.sink != "code":
                    marks = frozenset(mark for mark in marks if not mark.approved)
                found = _flow(propagation, located, text, marks, waived)
                is_url = text.sink not in sinks
                if found is not None and not (is_url and is_shown(propagation, located, text)):
                    yield found


def spelled_flows(propagation: Propagation, waived: Collection[str] = ()) -> Iterator[TaintFlow]:
    """Every published text whose letters or words are chosen, one by one, by numbers of untrusted steps."""
    for located in propagation.analysis.steps:
        for text in located.texts:
            if is_published(located, text):
                marks = frozenset(mark for mark in _marks(propagation, text) if mark.spelled and not mark.approved)
                found = _flow(propagation, located, text, marks, waived)
                if found is not None:
                    yield found


def is_published(located: LocatedStep, text: LocatedText) -> bool:
    """Whether a text is published: content, or the URL of a request that writes and of a page that is made."""
    return text.sink == "publish" or (text.sink == "host" and located.step.sends_urls())


def _marks(propagation: Propagation, text: LocatedText) -> Marks:
    shape = propagation.checked[text].shape
    # who chooses the number of approvals, decides over the approval
    return marks_of(joined(shape.trust, shape.figures if text.place[-1] == "quorum" else None))


def approval_places(propagation: Propagation, located: LocatedStep, waived: Collection[str] = ()) -> tuple[Place, ...]:
    """The places, below the step, whose content a reviewer must have approved byte for byte before it is published."""
    found: list[Place] = []
    waived = (*waived, *waivers(propagation, located))
    for text in located.texts:
        if text.sink == "tool" or is_published(located, text):
            marks = marks_of(propagation.checked[text].shape.trust)
            if any(mark.approved for mark in marks) and propagation.sources.shortest_trail(marks, waived) is not None:
                found.append(text.place[len(located.place) :])
    return tuple(found)


def waivers(propagation: Propagation, located: LocatedStep) -> tuple[str, ...]:
    """The StepPaths of the steps that a step's `trust` names, and of the steps inside of those."""
    named = {trust.source for trust in located.step.trusts}
    if not named:
        return ()
    inside = (
        other.id
        for other in propagation.analysis.steps
        if any(block.owner is not None and block.owner.id in named for block in other.block.enclosing())
    )
    return tuple(propagation.prefix + step for step in sorted({*named, *inside}))


def dotted(path: NamePath) -> str:
    """A path as an author writes it: `steps.page.output.links[0]`."""
    first, *keys = path
    return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _flow(
    propagation: Propagation, located: LocatedStep, text: LocatedText, marks: Marks, waived: Collection[str]
) -> TaintFlow | None:
    waived = (*waived, *waivers(propagation, located))
    trail = propagation.sources.shortest_trail(marks, waived)
    if trail is None:
        return None
    sources = propagation.sources.sources_of(marks, waived)
    for reference in text.compiled.references:
        shape = propagation.lookup(text, reference.path)
        carried = frozenset(Mark(mark.step) for mark in marks_of(shape.sources() if shape is not None else None))
        own = propagation.sources.shortest_trail(carried & frozenset(Mark(mark.step) for mark in marks), waived)
        if own is not None:
            waivable = _waivable(propagation, located, own)
            return TaintFlow(
                located=located, text=text, reference=reference, trail=own, sources=sources, waivable=waivable
            )
    waivable = _waivable(propagation, located, trail)
    return TaintFlow(located=located, text=text, reference=None, trail=trail, sources=sources, waivable=waivable)


def _waivable(propagation: Propagation, located: LocatedStep, trail: Trail) -> str:
    name = trail.steps[-1].removeprefix(propagation.prefix).partition(".")[0]
    source = propagation.analysis.by_id.get(name)
    loop = hiding_iteration(located.block, source) if source is not None else None
    return loop.id if loop is not None else name
