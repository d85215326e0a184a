"""FB104: `depends_on`, `rewind_to` or `trust` names a step that does not exist or is not visible there.

A step can depend on the steps of its own block, on the containers around it, and on the steps in a branch of a
conditional in its block; not on steps inside an iteration, which run once for each item.

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

from flowbuilder.analysis.model import Analysis, LocatedStep
from flowbuilder.analysis.nullability import hiding_iteration
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.steps.step import Place

CODE = "FB104"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each such name."""
    for located in analysis.steps:
        for place, field, name in _names(located, analysis):
            hidden = analysis.by_id.get(name)
            loop = hiding_iteration(located.block, hidden) if hidden else None
            if loop is None and name in analysis.written_ids:
                continue
            if loop is not None:
                message = f"{field} cannot name {name}: it runs once for each item of the iteration {loop.id}"
                yield analysis.diagnostic_at(place, CODE, message, hint=f"name {loop.id}, the iteration itself")
                continue
            hint, notes = analysis.suggest(name, _visible(analysis, located), what="the steps visible here are")
            yield analysis.diagnostic_at(place, CODE, f"there is no step {name}", hint=hint, notes=notes)


def _visible(analysis: Analysis, located: LocatedStep) -> Iterator[str]:
    for other in analysis.steps:
        if other.id and other is not located and not hiding_iteration(located.block, other):
            yield other.id


def _names(located: LocatedStep, analysis: Analysis) -> Iterator[tuple[Place, str, str]]:
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
