"""FB102: two steps have the same id.

Ids are unique in the whole document, including the steps in branches and iterations: a step's id is its address in
events, reviews and references.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: page, type: page, url: https://example.com/b}
    outputs: {text: "{{ steps.page.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: other, type: page, url: https://example.com/b}
    outputs: {text: "{{ steps.page.output.text }}{{ steps.other.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis, LocatedStep
from flowbuilder.diagnostics import Diagnostic

CODE = "FB102"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each use of an id after the first."""
    first: dict[str, LocatedStep] = {}
    for located in sorted(analysis.steps, key=_place):
        if not located.id:
            continue
        if located.id in first:
            line = analysis.line((*first[located.id].place, "id"))
            message = f"duplicate step id {located.id}; it is first used in {line}"
            yield analysis.diagnostic_at(
                (*located.place, "id"), CODE, message, hint="choose another id for one of the steps"
            )
        else:
            first[located.id] = located


def _place(located: LocatedStep) -> tuple[int, ...]:
    # document order: indexes of branches and steps, without the names between them
    return tuple(part for part in located.place if isinstance(part, int))
