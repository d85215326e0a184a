"""FB404: text that outsiders may have written decides whether something is published, and no person is asked.

The condition of a step that writes, of a branch around it, or the list of an iteration around it, reads such text, and
no review stands before the step. Numbers, booleans and words of a fixed list are not meant; but note that whoever
writes the page can still move a score.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - id: tell
        type: api
        method: POST
        url: https://hooks.example.com/sold-out
        when: "'sold out' in steps.page.output.text"

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - id: tell
        type: api
        method: POST
        url: https://hooks.example.com/sold-out
        when: steps.page.output.status == 200
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.control_dependence import decided
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.report import complaints
from flowbuilder.analysis.taint.sinks import Reached, reached
from flowbuilder.diagnostics import Diagnostic

CODE = "FB404"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning for each such step, at the condition that decides."""
    yield from complaints(analysis, CODE, _find, _message, _hint, "warning")


def _find(shaping: Propagation, waived: Collection[str]) -> Iterator[Reached]:
    # where what is published is untrusted itself, that is said
    told = {id(found.located) for found in reached(shaping, waived, sinks=("publish",))}
    return (found for found in decided(shaping, waived) if id(found.located) not in told)


def _message(found: Reached, step: str) -> str:
    return f"untrusted text decides whether {step} writes: {found.way}"


def _hint(found: Reached) -> str:
    return "decide by a number, a boolean or an enum, or let a person decide in a human_review"
