"""FB102: two steps have the same id.

Ids are unique over the whole document, the steps in branches and iterations included: a step's id is its address in
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

from flowbuilder.analysis.model import Analysis, Located
from flowbuilder.diagnostics import Diagnostic

CODE = "FB102"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each id after the first."""
    first: dict[str, Located] = {}
    for located in sorted(analysis.all, key=_place):
        if not located.id:
            continue
        if located.id in first:
            line = analysis.line((*first[located.id].place, "id"))
            message = f"the id {located.id} is used a second time; the first is in {line}"
            yield analysis.at((*located.place, "id"), CODE, message, hint="give one of them another id")
        else:
            first[located.id] = located


def _place(located: Located) -> tuple[int, ...]:
    # compares places by their numbers: branches and bodies keep the document's order
    return tuple(part for part in located.place if isinstance(part, int))
