"""Which steps of a document are used, and which have no connection to others."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowbuilder.analysis.model import Analysis, LocatedStep, StepBlock
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import taint_flows
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.step import Step


class StepUsage(Struct, frozen=True, kw_only=True):
    """Ids of steps: `isolated` steps have no connection to others, the output of `unused` steps is not read."""

    isolated: frozenset[str]
    unused: frozenset[str]
    any_connected: bool
    has_purpose: bool
    """Whether the workflow has outputs, or a step that changes something outside."""


def step_usage(analysis: Analysis) -> StepUsage | None:
    """The usage of all steps; None where it cannot be determined.

    That is so when parts of the document are missing, when references lead nowhere, and when untrusted text reaches a
    publishing step, since a review may have been left out by mistake.
    """
    mentions = [(text.block, name) for text, _, name in analysis.step_references]
    mentions += [(step.block, name) for step in analysis.steps for name in step.step.depends_on]
    if (
        analysis.incomplete
        or any(True for _ in taint_flows(analysis.cached(Propagation), sinks=("publish",)))
        or any(name not in analysis.by_id for _, name in mentions)
    ):
        return None
    used = {used for block, name in mentions for used in _used_by(block, analysis.by_id[name])}
    using = {text.reader.id for text, _, _ in analysis.step_references if text.reader is not None}
    using |= {step.id for step in analysis.steps if step.step.depends_on}
    acting = _acting(analysis)
    purposes = {block: _has_purpose(analysis, block, acting) for block in _blocks(analysis)}
    probed = _loops_whose_failures_are_read(analysis)
    isolated: set[str] = set()
    unused: set[str] = set()
    for step in analysis.steps:
        if step.id in used or step.id in acting or _is_in_unused_container(step, acting, used):
            continue
        if any(block.owner is not None and block.owner.id in probed for block in step.block.enclosing()):
            continue
        if not purposes[step.block]:
            continue
        linked = step.block is not analysis.top or step.id in using or _has_links_inside(step, using)
        (unused if linked else isolated).add(step.id)
    unused -= _after_action(analysis, acting)
    return StepUsage(
        isolated=frozenset(isolated),
        unused=frozenset(unused),
        any_connected=len(analysis.steps) > len(isolated),
        has_purpose=purposes[analysis.top],
    )


def changes_something(step: Step) -> bool:
    """Whether a step does more than compute an output: it writes, asks a person, or calls a workflow that may."""
    return step.has_effect() or step.kind in ("review", "call")


def _acting(analysis: Analysis) -> set[str]:
    """The steps that change something outside, and the containers around them."""
    found: set[str] = set()
    for step in analysis.steps:
        if changes_something(step.step):
            found.add(step.id)
            found.update(block.owner.id for block in step.block.enclosing() if block.owner is not None)
    return found


def _loops_whose_failures_are_read(analysis: Analysis) -> set[str]:
    """The iterations that continue after a failed item, and of whose output a text reads more than `outputs`."""
    loops = {
        step.id for step in analysis.steps if isinstance(step.step, Iteration) and step.step.on_item_error == "continue"
    }
    return {
        name
        for _, reference, name in analysis.step_references
        if name in loops and reference.path[2:3] == ("output",) and reference.path[3:4] != ("outputs",)
    }


def _used_by(block: StepBlock, target: LocatedStep) -> Iterator[str]:
    """The steps that a mention of `target` in `block` uses: `target`, and the containers around it but not around
    `block`."""
    yield target.id
    shared = set(block.enclosing())
    inner = target.block
    while inner not in shared and inner.owner is not None:
        yield inner.owner.id
        inner = inner.owner.block


def _blocks(analysis: Analysis) -> list[StepBlock]:
    return [analysis.top, *(block for step in analysis.steps for block in step.blocks)]


def _has_purpose(analysis: Analysis, block: StepBlock, acting: set[str]) -> bool:
    """Whether a block has an output, or a step that changes something outside."""
    if any(step.id in acting for step in block.steps):
        return True
    owner = block.owner
    if owner is None:
        return bool(analysis.definition.outputs) or bool(acting)
    return any("output" in text.place[len(owner.place) :] and text.block is block for text in owner.texts)


def _is_in_unused_container(step: LocatedStep, acting: set[str], used: set[str]) -> bool:
    """Whether a container around the step is unused itself; then the container is reported."""
    owners = [block.owner for block in step.block.enclosing() if block.owner is not None]
    return any(owner.id not in used and owner.id not in acting for owner in owners)


def _has_links_inside(step: LocatedStep, using: set[str]) -> bool:
    return any(inner.id in using or _has_links_inside(inner, using) for block in step.blocks for inner in block.steps)


def _after_action(analysis: Analysis, acting: set[str]) -> set[str]:
    """The steps that run after a step that changes something: they may verify the change."""
    found: set[str] = set()
    for block in _blocks(analysis):
        inside = any(around.owner is not None and around.owner.id in found for around in block.enclosing())
        for name in block.ordered:
            if inside or block.needs[name] & acting or block.needs[name] & found:
                found.add(name)
    return found
