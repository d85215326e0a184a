"""FB105: a name is taken: it would hide another one, or is a word of the language.

`inputs`, `steps`, `site`, `execution`, `feedback` and `loop` have their meaning everywhere, so no item is called like
that. An iteration inside another one needs an item name of its own.

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

from flowbuilder.analysis.model import ROOTS, Analysis, Located
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.iteration import Iteration

CODE = "FB105"
_WORDS = frozenset(("and", "or", "not", "in", "is", "if", "else", "true", "false", "null", "none"))


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each item name and each id."""
    for item in analysis.definition.inputs:
        if item.name in _WORDS:
            message = f"{item.name} is a word of the language, and cannot be the name of an input"
            yield analysis.at(("inputs", item.name), CODE, message)
    for located in analysis.all:
        if located.id in _WORDS:
            message = f"{located.id} is a word of the language, and cannot be the id of a step"
            yield analysis.at((*located.place, "id"), CODE, message)
        if isinstance(located.step, Iteration):
            yield from _item_name(analysis, located, located.step.item_name)


def _item_name(analysis: Analysis, located: Located, name: str) -> Iterator[Diagnostic]:
    place = (*located.place, "as") if "item_name" in located.step.model_fields_set else (*located.place, "id")
    if name in (*ROOTS, "loop"):
        yield analysis.at(place, CODE, f"an item called {name} would hide {name}", hint="choose another name")
    elif name in _WORDS:
        yield analysis.at(place, CODE, f"{name} is a word of the language, and cannot be the name of an item")
    around = next((block for block in located.block.outward() if block.item == name), None)
    if around is not None and around.owner is not None:
        message = f"the items of {located.id} are called {name}, like those of {around.owner.id} around it"
        yield analysis.at(place, CODE, message, hint="give it a name of its own: as: ...", severity="warning")
