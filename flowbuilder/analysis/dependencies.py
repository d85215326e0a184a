"""The dependency graph of a block: what each step needs, and a topological order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from flowbuilder.steps.step import Step


def dependencies(steps: Sequence[Step]) -> Mapping[str, frozenset[str]]:
    """For each step of a block, the ids in that block that must be settled before it can start.

    A step needs what its `depends_on` names and what it, or a step inside it, reads. A reference into a container of
    the block needs that container. A reference out of the block is not listed: there the container around needs it. A
    step that reads its own output, or contains a step that reads it, needs itself: a cycle, which FB101 reports.
    """
    owners = {inner: step.id for step in steps for inner in inner_ids(step)}
    owners.update((step.id, step.id) for step in steps)
    return {step.id: frozenset(_needed(step, owners)) for step in steps}


def in_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """The ids, each after those that it needs, otherwise in document order; without those in a cycle or depending on
    one."""
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


def inner_ids(step: Step) -> Iterator[str]:
    """The ids of all steps inside a container, at any depth."""
    for block in step.inner_blocks():
        for inner in block.steps:
            yield inner.id
            yield from inner_ids(inner)


def _needed(step: Step, owners: Mapping[str, str]) -> Iterator[str]:
    for name in _mentioned(step):
        owner = owners.get(name)
        if owner is not None and (owner != step.id or name == step.id):
            yield owner


def _mentioned(step: Step) -> Iterator[str]:
    yield from step.mentioned
    for block in step.inner_blocks():
        for inner in block.steps:
            yield from _mentioned(inner)
