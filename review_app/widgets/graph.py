"""A plan as a Mermaid flow chart. Names from documents are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flowbuilder.plan.nodes import Block, BranchNode, CallNode, LoopNode, Node, Plan, ReviewNode, blocks_below

_SAFE = re.compile(r"[^\w .,:/()=<>!&|+*%'?-]")
_ENTITY = {"<": "#lt;", ">": "#gt;", "&": "#amp;", "'": "#39;", "`": " "}
MAX_LABEL = 48


_COLOURS = {
    # by type of step, without an execution
    "task": ("#e8effd", "#3b6cf0"),
    "review": ("#fdf1dc", "#d98a00"),
    "choice": ("#f1edfb", "#7c5cd6"),
    "loop": ("#e4f5ec", "#22a06b"),
    # by status, for the steps of an execution
    "pending": ("#f4f6f9", "#9aa7b8"),
    "running": ("#e8effd", "#1d4ed8"),
    "waiting": ("#fdf1dc", "#d98a00"),
    "completed": ("#e3f5ea", "#22a06b"),
    "failed": ("#fdecea", "#b3261e"),
    "skipped": ("#f4f6f9", "#c3ccd8"),
}


def mermaid(plan: Plan, statuses: Mapping[str, str] | None = None) -> str:
    """A top-down flow chart: a box for each step, a frame for each branch, loop body or called workflow.

    With `statuses` (by step id), the colours show the status of the steps.
    """
    colours = (
        f"  classDef {name} fill:{fill},stroke:{stroke},color:{'#7a8699' if name == 'skipped' else '#17202e'}"
        for name, (fill, stroke) in _COLOURS.items()
    )
    return "\n".join(["flowchart TD", *_block(plan.block, "n", "  ", statuses), *colours])


def _block(block: Block, prefix: str, indent: str, statuses: Mapping[str, str] | None) -> Iterator[str]:
    names = {node.id: f"{prefix}_{index}" for index, node in enumerate(block)}
    for node in block:
        yield f"{indent}{names[node.id]}{_box(node, statuses)}"
        for number, (title, inner) in enumerate(blocks_below(node)):
            frame = f"{names[node.id]}_{number}"
            if not inner.nodes:
                continue
            yield f'{indent}subgraph {frame}["{_text(title)}"]'
            yield from _block(inner, frame, indent + "  ", statuses)
            yield f"{indent}end"
            yield f"{indent}style {frame} fill:none,stroke:#9aa7b8"
            yield f"{indent}{names[node.id]} -.-> {frame}"
    for node in block:
        for need in node.needs:
            if need in names:
                yield f"{indent}{names[need]} --> {names[node.id]}"


def _box(node: Node, statuses: Mapping[str, str] | None) -> str:
    shape, kind = '["{}"]', "task"
    if isinstance(node, ReviewNode):
        shape, kind = '(["{}"])', "review"
    elif isinstance(node, BranchNode):
        shape, kind = '{{"{}"}}', "choice"
    elif isinstance(node, LoopNode):
        shape, kind = '[["{}"]]', "loop"
    elif isinstance(node, CallNode):
        shape, kind = '[["{}"]]', "choice"
    if statuses is not None:
        status = statuses.get(node.id, "pending")
        kind = status if status in _COLOURS else "pending"
    words = f"{_text(node.step.name or node.id)}<br/>{_text(node.step.type.replace('_', ' '))}"
    return f"{shape.format(words)}:::{kind}"


def _text(text: str) -> str:
    kept = _SAFE.sub(" ", " ".join(text.split()))
    if len(kept) > MAX_LABEL:
        kept = kept[: MAX_LABEL - 1] + "…"
    return "".join(_ENTITY.get(char, char) for char in kept)
