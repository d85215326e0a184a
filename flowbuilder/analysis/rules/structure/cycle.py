"""FB101: a dependency cycle: steps need each other, so none of them can start.

A step needs what its texts refer to (`steps.X`), what it lists in `depends_on`, and what the steps inside it need. The
error is at the reference that points forward in the document, and names the whole cycle.

Wrong:
    steps:
      - {id: page, type: page, url: "{{ steps.draft.output.text }}"}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.text }}"}
    outputs: {text: "{{ steps.draft.output.text }}"}

Right:
    inputs:
      url: {type: string}
    steps:
      - {id: page, type: page, url: "{{ inputs.url }}"}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.text }}"}
    outputs: {text: "{{ steps.draft.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbuilder.analysis.dependencies import in_order
from flowbuilder.analysis.model import Analysis, LocatedStep, StepBlock
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.step import Place

CODE = "FB101"
_MAX_CYCLES = 20


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """One error for each cycle."""
    blocks = [analysis.top, *(block for located in analysis.steps for block in located.blocks)]
    for block in blocks:
        if len(block.ordered) == len(block.needs):
            continue
        ids = [located.id for located in block.steps]
        if len(set(ids)) < len(ids):
            continue  # FB102 reports it: which of the two a reference means is not known
        needs = {name: set(needed) for name, needed in block.needs.items()}
        for _ in range(_MAX_CYCLES):
            cycle = _cycle(needs)
            if cycle is None:
                break
            start, target = _forward(block, cycle)
            needs[start].discard(target)
            yield _diagnostic(analysis, block, cycle, (start, target))


def _diagnostic(analysis: Analysis, block: StepBlock, cycle: list[str], edge: tuple[str, str]) -> Diagnostic:
    start, target = edge
    at = cycle.index(start)
    names = " -> ".join((*cycle[at:], *cycle[:at], start))
    if start == target:
        message = f"{start} depends on itself: a step can read neither its own output nor that of a container around it"
        hint = "a reviewer's comment is in feedback, the previous proposal in feedback.previous"
    else:
        message, hint = f"dependency cycle: {names}", "remove one of these references"
    step = next(located for located in block.steps if located.id == start)
    found = _mention(analysis, step, block, target)
    if isinstance(found, Diagnostic):
        return Diagnostic(code=CODE, message=message, hint=hint, pointer=found.pointer, span=found.span)
    return analysis.diagnostic_at(found, CODE, message, hint=hint)


def _cycle(needs: Mapping[str, set[str]]) -> list[str] | None:
    """The ids of one cycle, each needing the next; None when there is none."""
    settled = set(in_order({name: frozenset(needed) for name, needed in needs.items()}))
    left = [name for name in needs if name not in settled]
    if not left:
        return None
    path: list[str] = [left[0]]
    while True:
        following = next(name for name in sorted(needs[path[-1]]) if name not in settled)
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def _forward(block: StepBlock, cycle: list[str]) -> tuple[str, str]:
    """The edge of the cycle that points forward in the document: most likely the wrong one."""
    position = {located.id: index for index, located in enumerate(block.steps)}
    edges = list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
    return min(edges, key=lambda edge: (position[edge[1]] < position[edge[0]], position[edge[0]]))


def _mention(analysis: Analysis, step: LocatedStep, block: StepBlock, target: str) -> Diagnostic | Place:
    """The place at which `step`, or a step inside it, names `target` or something inside `target`."""
    for text, reference, name in analysis.step_references:
        if _owner(analysis, block, name) == target and text.reader is not None:
            inside = text.reader is step or any(around.owner is step for around in text.block.enclosing())
            if inside and (step.id != target or name == target):
                return analysis.diagnostic_in(text, reference.start, reference.end, CODE, "")
    for located in analysis.steps:
        if located is step or any(around.owner is step for around in located.block.enclosing()):
            for index, name in enumerate(located.step.depends_on):
                if _owner(analysis, block, name) == target:
                    return (*located.place, "depends_on", index)
    return (*step.place, "id")


def _owner(analysis: Analysis, block: StepBlock, name: str) -> str | None:
    located = analysis.by_id.get(name)
    while located is not None and located.block is not block:
        located = located.block.owner
    return located.id if located else None
