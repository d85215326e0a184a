"""How the steps of a document hang together: which are used, which stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowbuilder.analysis.model import Block, Located, Reading
from flowbuilder.analysis.taint.propagation import Shaping
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


def connections(reading: Reading) -> Connections | None:
    """None where nothing can be said of what is unused: parts of the document are missing, or names lead nowhere, or
    what is published needs a review that seems to be left out."""
    mentions = [(text.block, name) for text, _, name in reading.reads]
    mentions += [(item.block, name) for item in reading.all for name in item.step.depends_on]
    if (
        reading.incomplete
        or any(True for _ in reached(reading.once(Shaping), sinks=("publish",)))
        or any(name not in reading.by_id for _, name in mentions)
    ):
        return None
    used = {used for block, name in mentions for used in _used(block, reading.by_id[name])}
    using = {text.reader.id for text, _, _ in reading.reads if text.reader is not None}
    using |= {item.id for item in reading.all if item.step.depends_on}
    acting = _acting(reading)
    purposeful = {id(block): _purposeful(reading, block, acting) for block in _blocks(reading)}
    alone: set[str] = set()
    unused: set[str] = set()
    for located in reading.all:
        if located.id in used or located.id in acting or _spoken_of(located, acting, used):
            continue
        if not purposeful[id(located.block)]:
            continue
        linked = located.block is not reading.top or located.id in using or _links_inside(located, using)
        (unused if linked else alone).add(located.id)
    unused -= _after(reading, acting)
    connected = len(reading.all) > len(alone)
    return Connections(
        alone=frozenset(alone),
        unused=frozenset(unused),
        connected=connected,
        purposeful=purposeful[id(reading.top)],
    )


def changes_something(step: Step) -> bool:
    """Whether a step does more than make an output: it writes, asks a person, or runs a workflow that may."""
    return step.has_effect() or step.kind in ("review", "call")


def _acting(reading: Reading) -> set[str]:
    """The steps that change something outside, and the containers of such."""
    found: set[str] = set()
    for located in reading.all:
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


def _blocks(reading: Reading) -> list[Block]:
    return [reading.top, *(block for located in reading.all for block in located.blocks)]


def _purposeful(reading: Reading, block: Block, acting: set[str]) -> bool:
    """Whether a list of steps says what it is for: it has an output, or a step that changes something outside."""
    if any(located.id in acting for located in block.steps):
        return True
    owner = block.owner
    if owner is None:
        return bool(reading.definition.outputs) or bool(acting)
    return any("output" in text.place[len(owner.place) :] and text.block is block for text in owner.texts)


def _spoken_of(located: Located, acting: set[str], used: set[str]) -> bool:
    """Whether a container around the step is unused itself."""
    owners = [block.owner for block in located.block.outward() if block.owner is not None]
    return any(owner.id not in used and owner.id not in acting for owner in owners)


def _links_inside(located: Located, using: set[str]) -> bool:
    return any(inner.id in using or _links_inside(inner, using) for block in located.blocks for inner in block.steps)


def _after(reading: Reading, acting: set[str]) -> set[str]:
    """The steps that come after one that changes something: they may verify it."""
    found: set[str] = set()
    for block in _blocks(reading):
        inside = any(around.owner is not None and around.owner.id in found for around in block.outward())
        for name in block.ordered:
            if inside or block.needs[name] & acting or block.needs[name] & found:
                found.add(name)
    return found
