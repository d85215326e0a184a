"""A plan as a drawing: Mermaid text made from its nodes, branches and bodies. Names from documents are made harmless."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.plan import Block, Branch, Call, Loop, Node, Plan, Review, blocks_below

_SAFE = re.compile(r"[^\w .,:/()=<>!&|+*%'?-]")
_ENTITY = {"<": "#lt;", ">": "#gt;", "&": "#amp;", "'": "#39;", "`": " "}
MAX_LABEL = 48


def mermaid(plan: Plan) -> str:
    """A flow chart from the top down: one box a step, one frame a branch, body or called workflow."""
    return "\n".join(
        [
            "flowchart TD",
            *_block(plan.block, "n", "  "),
            "  classDef task fill:#e8effd,stroke:#3b6cf0,color:#17202e",
            "  classDef review fill:#fdf1dc,stroke:#d98a00,color:#17202e",
            "  classDef choice fill:#f1edfb,stroke:#7c5cd6,color:#17202e",
            "  classDef loop fill:#e4f5ec,stroke:#22a06b,color:#17202e",
        ]
    )


def _block(block: Block, prefix: str, indent: str) -> Iterator[str]:
    names = {node.id: f"{prefix}_{index}" for index, node in enumerate(block)}
    for node in block:
        yield f"{indent}{names[node.id]}{_box(node)}"
        for number, (title, inner) in enumerate(blocks_below(node)):
            frame = f"{names[node.id]}_{number}"
            if not inner.nodes:
                continue
            yield f'{indent}subgraph {frame}["{_text(title)}"]'
            yield from _block(inner, frame, indent + "  ")
            yield f"{indent}end"
            yield f"{indent}{names[node.id]} -.-> {frame}"
    for node in block:
        for need in node.needs:
            if need in names:
                yield f"{indent}{names[need]} --> {names[node.id]}"


def _box(node: Node) -> str:
    words = f"{_text(node.id)}<br/><small>{_text(node.step.type)}</small>"
    if isinstance(node, Review):
        return f'(["{words}"]):::review'
    if isinstance(node, Branch):
        return f'{{"{words}"}}:::choice'
    if isinstance(node, Loop):
        return f'[["{words}"]]:::loop'
    if isinstance(node, Call):
        return f'[["{words}"]]:::choice'
    return f'["{words}"]:::task'


def _text(text: str) -> str:
    kept = _SAFE.sub(" ", " ".join(text.split()))
    if len(kept) > MAX_LABEL:
        kept = kept[: MAX_LABEL - 1] + "…"
    return "".join(_ENTITY.get(char, char) for char in kept)
