"""FB109: a reference reaches into an iteration from outside of it.

The steps of an iteration run once for each item, so from outside there is no one output to speak of. What the items
made is in the iteration's own output: `outputs` (of the completed items) and `items` (all, with status and error). The
`key` of an item is worked out before its steps run, and sees none of them.

Wrong:
    inputs:
      urls: {type: array, items: {type: string}}
    steps:
      - id: pages
        type: iteration
        over: inputs.urls
        steps:
          - {id: page, type: page, url: "{{ item }}"}
    outputs: {title: "{{ steps.page.output.title }}"}

Right:
    inputs:
      urls: {type: array, items: {type: string}}
    steps:
      - id: pages
        type: iteration
        over: inputs.urls
        steps:
          - {id: page, type: page, url: "{{ item }}"}
        output: "{{ steps.page.output.title }}"
    outputs: {titles: "{{ steps.pages.output.outputs }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.nullability import out_of_scope
from flowbuilder.diagnostics import Diagnostic

CODE = "FB109"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each such reference."""
    for text, reference, name in analysis.reads:
        target = analysis.by_id.get(name)
        if target is not None and text.is_key and target.block is text.block:
            message = f"{name} has not run yet when the key of an item is worked out"
            hint = "make the key from the item itself"
            yield analysis.in_text(text, reference.start, reference.end, CODE, message, hint=hint)
            continue
        loop = out_of_scope(text.block, target) if target else None
        if loop is not None:
            message = f"{name} is inside the iteration {loop.id}: it runs once for each item, and is not visible here"
            hint = f"give {loop.id} an output, and read steps.{loop.id}.output.outputs"
            yield analysis.in_text(text, reference.start, reference.end, CODE, message, hint=hint)
