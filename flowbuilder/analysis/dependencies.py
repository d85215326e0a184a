"""Which steps of a block each step needs: what it depends on, and every `steps.X` that it or a step inside it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from flowbuilder.steps.step import Step


def dependencies(steps: Sequence[Step]) -> Mapping[str, frozenset[str]]:
    """For each step of one block, the ids in that block that must be settled before it can start.

    A reference to a step inside a sibling (in a branch of it) needs that sibling. A reference out of the block, to a
    step of an enclosing one, is not listed: the container needs it. A step that reads its own output, or one inside it
    that reads its container's, needs itself: a cycle, which `check` reports.
    """
    owners = {inner: step.id for step in steps for inner in ids_inside(step)}
    owners.update((step.id, step.id) for step in steps)
    return {step.id: frozenset(_needed(step, owners)) for step in steps}


def in_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """The ids with each after what it needs, otherwise as they stand; those in or behind a cycle are left out."""
    position = {name: index for index, name in enumerate(needs)}
    names = list(needs)
    open_needs = {name: len(needed) for name, needed in needs.items()}
    needed_by: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for other in needed:
            needed_by.setdefault(other, []).append(name)
    ready = [position[name] for name, number in open_needs.items() if number == 0]
    heapify(ready)
    ordered: list[str] = []
    while ready:
        name = names[heappop(ready)]
        ordered.append(name)
        for other in needed_by.get(name, ()):
            open_needs[other] -= 1
            if open_needs[other] == 0:
                heappush(ready, position[other])
    return ordered


def ids_inside(step: Step) -> Iterator[str]:
    """The ids of all steps inside a container, at any depth."""
    for block in step.inner_blocks():
        for inner in block.steps:
            yield inner.id
            yield from ids_inside(inner)


def _needed(step: Step, owners: Mapping[str, str]) -> Iterator[str]:
    for name in _mentions(step):
        owner = owners.get(name)
        if owner is not None and (owner != step.id or name == step.id):
            yield owner


def _mentions(step: Step) -> Iterator[str]:
    yield from step.mentioned
    for block in step.inner_blocks():
        for inner in block.steps:
            yield from _mentions(inner)
