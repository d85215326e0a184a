"""FB503: an unused output: no step and no output of the workflow reads it, and the step changes nothing outside.

A step that runs after a write is not reported: it may verify what was written. Nor is one in an iteration with
`on_item_error: continue` whose `items` are read: they tell which items failed.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: score, type: code, source: "len(text)", with: {text: "{{ steps.page.output.text }}"}}
    outputs: {text: "{{ steps.page.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: score, type: code, source: "len(text)", with: {text: "{{ steps.page.output.text }}"}}
    outputs: {text: "{{ steps.page.output.text }}", score: "{{ steps.score.output }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.rules.structure._usage import step_usage
from flowbuilder.diagnostics import Diagnostic

CODE = "FB503"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such step."""
    found = analysis.cached(step_usage)
    if found is None:
        return
    for located in analysis.steps:
        if located.id in found.unused:
            message = f"the output of {located.id} is never used, and the step changes nothing outside"
            hint = f"refer to steps.{located.id}.output, list it in outputs, or remove it"
            yield analysis.diagnostic_at((*located.place, "id"), CODE, message, hint=hint, severity="warning")
