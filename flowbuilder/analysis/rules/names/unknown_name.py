"""FB104: `depends_on`, `rewind_to` or `trust` names a step that does not exist or cannot be seen from there.

A step can depend on the steps beside it, on those around it, and on those in a branch of a conditional beside it; not
on steps inside an iteration, which run many times.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: other, type: page, url: https://example.com/b, depends_on: [pages]}
    outputs: {text: "{{ steps.page.output.text }}{{ steps.other.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: other, type: page, url: https://example.com/b, depends_on: [page]}
    outputs: {text: "{{ steps.page.output.text }}{{ steps.other.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowbuilder.analysis.model import Analysis, Located
from flowbuilder.analysis.nullability import out_of_scope
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.step import Place

CODE = "FB104"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each name."""
    for located in analysis.all:
        for place, field, name in _names(located, analysis):
            hidden = analysis.by_id.get(name)
            loop = out_of_scope(located.block, hidden) if hidden else None
            if loop is None and name in analysis.written_ids:
                continue
            if loop is not None:
                message = f"{field} names {name}, which is inside the iteration {loop.id} and runs once for each item"
                yield analysis.at(place, CODE, message, hint=f"name {loop.id}, the iteration itself")
                continue
            hint, notes = analysis.meant(name, _visible(analysis, located), what="the steps visible here are")
            yield analysis.at(place, CODE, f"there is no step {name}", hint=hint, notes=notes)


def _visible(analysis: Analysis, located: Located) -> Iterator[str]:
    for other in analysis.all:
        if other.id and other is not located and not out_of_scope(located.block, other):
            yield other.id


def _names(located: Located, analysis: Analysis) -> Iterator[tuple[Place, str, str]]:
    step = located.step
    if not step.depends_on and not step.trust and step.kind != "review":
        return
    listed = (*located.place, "depends_on")
    single = isinstance(_raw(analysis, listed), str)
    for index, name in enumerate(step.depends_on):
        yield (listed if single else (*listed, index)), "depends_on", name
    if isinstance(step, HumanReview) and step.on_changes_requested is not None:
        yield (*located.place, "on_changes_requested", "rewind_to"), "rewind_to", step.on_changes_requested.rewind_to
    many = isinstance(_raw(analysis, (*located.place, "trust")), list)
    for index, trust in enumerate(step.trusts):
        yield (*located.place, "trust", *((index,) if many else ()), "source"), "trust", trust.source


def _raw(analysis: Analysis, place: Place) -> object:
    value: Any = analysis.definition.document
    for part in place:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value
