"""Which steps of a block each step needs: what it depends on, and every `steps.X` that it or a step inside it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowbuilder.definition import blocks_of
from flowbuilder.language import Reference
from flowbuilder.step import Step


def dependencies(steps: Sequence[Step]) -> Mapping[str, frozenset[str]]:
    """For each step of one block, the ids in that block that must be settled before it can start.

    A reference to a step inside a sibling (in a branch of it) needs that sibling. A reference out of the block, to a
    step of an enclosing one, is not listed: the container needs it. A step that reads its own output, or one inside it
    that reads its container's, needs itself: a cycle, which `check` reports.
    """
    owners = {inner: step.id for step in steps for inner in ids_inside(step)}
    owners.update((step.id, step.id) for step in steps)
    return {step.id: frozenset(_needed(step, owners)) for step in steps}


def ids_inside(step: Step) -> Iterator[str]:
    """The ids of all steps inside a container, at any depth."""
    for _, body in blocks_of(step):
        for inner in body:
            yield inner.id
            yield from ids_inside(inner)


def reads(step: Step) -> Iterator[str]:
    """The ids of the steps that this step's own templates and expressions read (not those of steps inside it)."""
    for _, text, _ in step.texts():
        yield from steps_read(text.references)


def steps_read(references: Iterable[Reference]) -> Iterator[str]:
    """The ids that references into `steps` name: `steps.draft.output` reads `draft`."""
    for reference in references:
        path = reference.path
        if len(path) > 1 and path[0] == "steps" and isinstance(path[1], str):
            yield path[1]


def _needed(step: Step, owners: Mapping[str, str]) -> Iterator[str]:
    for name in _mentions(step):
        owner = owners.get(name)
        if owner is not None and (owner != step.id or name == step.id):
            yield owner


def _mentions(step: Step) -> Iterator[str]:
    yield from step.depends_on
    yield from reads(step)
    for _, body in blocks_of(step):
        for inner in body:
            yield from _mentions(inner)
