"""How the steps of a document hang together: which are used, which stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowbuilder.analysis.model import Analysis, Block, Located
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import reached
from flowbuilder.steps.step import Step


@dataclass(frozen=True, kw_only=True)
class Connections:
    """Ids of steps: `alone` have no connection at all, `unused` make something that nothing reads."""

    alone: frozenset[str]
    unused: frozenset[str]
    connected: bool
    purposeful: bool
    """Whether the workflow says what it is for: it has outputs, or a step that changes something outside."""


def connections(analysis: Analysis) -> Connections | None:
    """None where nothing can be said of what is unused: parts of the document are missing, or names lead nowhere, or
    what is published needs a review that seems to be left out."""
    mentions = [(text.block, name) for text, _, name in analysis.reads]
    mentions += [(item.block, name) for item in analysis.all for name in item.step.depends_on]
    if (
        analysis.incomplete
        or any(True for _ in reached(analysis.once(Propagation), sinks=("publish",)))
        or any(name not in analysis.by_id for _, name in mentions)
    ):
        return None
    used = {used for block, name in mentions for used in _used(block, analysis.by_id[name])}
    using = {text.reader.id for text, _, _ in analysis.reads if text.reader is not None}
    using |= {item.id for item in analysis.all if item.step.depends_on}
    acting = _acting(analysis)
    purposeful = {id(block): _purposeful(analysis, block, acting) for block in _blocks(analysis)}
    alone: set[str] = set()
    unused: set[str] = set()
    for located in analysis.all:
        if located.id in used or located.id in acting or _spoken_of(located, acting, used):
            continue
        if not purposeful[id(located.block)]:
            continue
        linked = located.block is not analysis.top or located.id in using or _links_inside(located, using)
        (unused if linked else alone).add(located.id)
    unused -= _after(analysis, acting)
    connected = len(analysis.all) > len(alone)
    return Connections(
        alone=frozenset(alone),
        unused=frozenset(unused),
        connected=connected,
        purposeful=purposeful[id(analysis.top)],
    )


def changes_something(step: Step) -> bool:
    """Whether a step does more than make an output: it writes, asks a person, or runs a workflow that may."""
    return step.has_effect() or step.kind in ("review", "call")


def _acting(analysis: Analysis) -> set[str]:
    """The steps that change something outside, and the containers of such."""
    found: set[str] = set()
    for located in analysis.all:
        if changes_something(located.step):
            found.add(located.id)
            found.update(block.owner.id for block in located.block.outward() if block.owner is not None)
    return found


def _used(block: Block, target: Located) -> Iterator[str]:
    """What a mention of `target` in `block` uses: the step, and the containers that it looks into."""
    yield target.id
    around = {id(outer) for outer in block.outward()}
    inner = target.block
    while id(inner) not in around and inner.owner is not None:
        yield inner.owner.id
        inner = inner.owner.block


def _blocks(analysis: Analysis) -> list[Block]:
    return [analysis.top, *(block for located in analysis.all for block in located.blocks)]


def _purposeful(analysis: Analysis, block: Block, acting: set[str]) -> bool:
    """Whether a list of steps says what it is for: it has an output, or a step that changes something outside."""
    if any(located.id in acting for located in block.steps):
        return True
    owner = block.owner
    if owner is None:
        return bool(analysis.definition.outputs) or bool(acting)
    return any("output" in text.place[len(owner.place) :] and text.block is block for text in owner.texts)


def _spoken_of(located: Located, acting: set[str], used: set[str]) -> bool:
    """Whether a container around the step is unused itself."""
    owners = [block.owner for block in located.block.outward() if block.owner is not None]
    return any(owner.id not in used and owner.id not in acting for owner in owners)


def _links_inside(located: Located, using: set[str]) -> bool:
    return any(inner.id in using or _links_inside(inner, using) for block in located.blocks for inner in block.steps)


def _after(analysis: Analysis, acting: set[str]) -> set[str]:
    """The steps that come after one that changes something: they may verify it."""
    found: set[str] = set()
    for block in _blocks(analysis):
        inside = any(around.owner is not None and around.owner.id in found for around in block.outward())
        for name in block.ordered:
            if inside or block.needs[name] & acting or block.needs[name] & found:
                found.add(name)
    return found
