"""FB105: a reserved name: it would shadow another one, or is a word of the language.

`inputs`, `steps`, `site`, `execution`, `feedback` and `loop` have a fixed meaning, so no item can have one of these
names. An iteration inside another one needs an item name of its own.

Wrong:
    inputs:
      urls: {type: array, items: {type: string}}
    steps:
      - id: pages
        type: iteration
        over: inputs.urls
        as: inputs
        steps:
          - {id: page, type: page, url: "{{ inputs }}"}
    outputs: {pages: "{{ steps.pages.output.items }}"}

Right:
    inputs:
      urls: {type: array, items: {type: string}}
    steps:
      - id: pages
        type: iteration
        over: inputs.urls
        as: url
        steps:
          - {id: page, type: page, url: "{{ url }}"}
    outputs: {pages: "{{ steps.pages.output.items }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import ROOTS, Analysis, LocatedStep
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.iteration import Iteration

CODE = "FB105"
_WORDS = frozenset(("and", "or", "not", "in", "is", "if", "else", "true", "false", "null", "none"))


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each reserved name; a warning where an item shadows an outer one."""
    for item in analysis.definition.inputs:
        if item.name in _WORDS:
            message = f"{item.name} is a reserved word and cannot be the name of an input"
            yield analysis.diagnostic_at(("inputs", item.name), CODE, message)
    for located in analysis.steps:
        if located.id in _WORDS:
            message = f"{located.id} is a reserved word and cannot be the id of a step"
            yield analysis.diagnostic_at((*located.place, "id"), CODE, message)
        if isinstance(located.step, Iteration):
            yield from _item_name(analysis, located, located.step.item_name)


def _item_name(analysis: Analysis, located: LocatedStep, name: str) -> Iterator[Diagnostic]:
    place = (*located.place, "as") if "item_name" in located.step.model_fields_set else (*located.place, "id")
    if name in (*ROOTS, "loop"):
        yield analysis.diagnostic_at(
            place, CODE, f"an item named {name} would shadow {name}", hint="choose another name"
        )
    elif name in _WORDS:
        yield analysis.diagnostic_at(place, CODE, f"{name} is a reserved word and cannot be the name of an item")
    around = next((block for block in located.block.enclosing() if block.item == name), None)
    if around is not None and around.owner is not None:
        message = f"the item {name} of {located.id} shadows the item {name} of {around.owner.id} around it"
        yield analysis.diagnostic_at(place, CODE, message, hint="choose another name with as: ...", severity="warning")
