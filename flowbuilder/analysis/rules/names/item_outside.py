"""FB109: a reference reaches into an iteration from outside of it.

The steps of an iteration run once for each item, so they have no single output that could be read from outside. The
results are in the iteration's own output: `outputs` (of the completed items) and `items` (all, with status and error).
The `key` of an item is evaluated before its steps run, and cannot read them.

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
from flowbuilder.analysis.nullability import hiding_iteration
from flowbuilder.diagnostics import Diagnostic

CODE = "FB109"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each such reference."""
    for text, reference, name in analysis.step_references:
        target = analysis.by_id.get(name)
        if target is not None and text.is_key and target.block is text.block:
            message = f"the key of an item cannot read {name}: it is evaluated before the steps run"
            hint = "build the key from the item"
            yield analysis.diagnostic_in(text, reference.start, reference.end, CODE, message, hint=hint)
            continue
        loop = hiding_iteration(text.block, target) if target else None
        if loop is not None:
            message = f"{name} cannot be read here: it runs once for each item of the iteration {loop.id}"
            hint = f"give {loop.id} an output and read steps.{loop.id}.output.outputs"
            yield analysis.diagnostic_in(text, reference.start, reference.end, CODE, message, hint=hint)
