"""What decides whether a step writes: its condition, the branches and iterations around it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flowbuilder.analysis.model import Located, Text
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import Reached, waivers


def decided(shaping: Propagation, waived: Collection[str] = ()) -> Iterator[Reached]:
    """The steps that write because untrusted text says so, with what says so; not those that a review stands before."""
    for located in shaping.analysis.all:
        if not located.step.has_effect():
            continue
        vouched = (*waived, *waivers(shaping, located))
        for text in conditions_of(located):
            for reference in text.text.references:
                marks = frozenset(mark for mark in shaping.marks(text, reference) if not mark.approved)
                trail = shaping.sources.first_trail(marks, vouched)
                if trail is not None and not asked_before(located):
                    yield Reached(located=located, text=text, reference=reference, trail=trail)


def asked_before(located: Located) -> bool:
    """Whether the step comes after a review: it needs one, directly or by way of others, or what is around it does."""
    node: Located | None = located
    while node is not None:
        by_id = {other.id: other for other in node.block.steps}
        seen: set[str] = set()
        ahead = [node.id]
        while ahead:
            for name in node.block.needs.get(ahead.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    ahead.append(name)
                    if name in by_id and _asks(by_id[name]):
                        return True
        node = node.block.owner
    return False


def _asks(located: Located) -> bool:
    """Whether a step is a review, or has one inside."""
    return located.step.kind == "review" or any(_asks(inner) for block in located.blocks for inner in block.steps)


def conditions_of(located: Located) -> Iterator[Text]:
    """The texts that decide whether a step runs: its own condition first, then those around it."""
    yield from (text for text in located.texts if text.is_own_condition)
    for block in located.block.outward():
        owner = block.owner
        if owner is None:
            return
        for text in owner.texts:
            if owner.step.decides(text.place[len(owner.place) :], block.index):
                yield text
