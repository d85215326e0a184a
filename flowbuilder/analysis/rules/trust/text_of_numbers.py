"""FB407: a published text is spelled by numbers or letters that outsiders may have chosen.

Numbers, booleans and words of a closed list are clean: a reviewer of the definition knows all that they can say. But a
number that selects a letter of a text, or a word of a long list again and again, can spell anything, and so can a
closed list of single letters. A text that prints a number, or that chooses once among a few words, is no such text.

Wrong:
    steps:
      - id: codes
        type: api
        url: https://api.example.com/codes
        response_schema: {type: array, items: {type: integer}}
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "{% for code in steps.codes.output.body %}{{ 'abcdefghijklmnopqrstuvwxyz'[code] }}{% endfor %}"

Right:
    steps:
      - id: score
        type: api
        url: https://api.example.com/score
        response_schema: {type: integer, minimum: 0, maximum: 2}
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "Score: {{ steps.score.output.body }}, {{ ['low', 'medium', 'high'][steps.score.output.body] }}"
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, spelled_flows
from flowbuilder.diagnostics import Diagnostic

CODE = "FB407"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning for each step that publishes such a text."""
    yield from taint_diagnostics(analysis, CODE, spelled_flows, _message, _hint, "warning")


def _message(found: TaintFlow, step: str) -> str:
    return f"untrusted numbers or letters spell a text that is published by {step} ({found.field}): {found.path}"


def _hint(found: TaintFlow) -> str:
    return "have the text reviewed and publish steps.<review>.output.approved, or choose among a few whole words"
