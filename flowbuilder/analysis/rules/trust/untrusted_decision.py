"""FB404: text that outsiders may have written decides whether something is published, without a review.

The condition of a step that writes, of a branch around it, or the list of an iteration around it, reads such text, and
no review comes before the step. Numbers, booleans and words of a fixed list are allowed, also the number of items
(`pages | reject("ok") | length > 0`); but note that the author of a page can still influence a score.

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
from flowbuilder.analysis.taint.control_dependence import tainted_decisions
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, taint_flows
from flowbuilder.diagnostics import Diagnostic

CODE = "FB404"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning for each such step, at the condition that decides."""
    yield from taint_diagnostics(analysis, CODE, _find, _message, _hint, "warning")


def _find(propagation: Propagation, waived: Collection[str]) -> Iterator[TaintFlow]:
    # where the published text is untrusted itself, FB401 reports the step
    reported = {id(found.located) for found in taint_flows(propagation, waived, sinks=("publish",))}
    return (found for found in tainted_decisions(propagation, waived) if id(found.located) not in reported)


def _message(found: TaintFlow, step: str) -> str:
    return f"untrusted text decides whether {step} writes: {found.path}"


def _hint(found: TaintFlow) -> str:
    return "decide by a number, a boolean or an enum, or let a person decide in a human_review"
