"""FB503: what a step makes is not used: no step and no output reads it, and it changes nothing outside.

A step that comes after a write is not meant: it may be there to verify what was written.

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
from flowbuilder.analysis.rules.structure._usage import connections
from flowbuilder.diagnostics import Diagnostic

CODE = "FB503"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such step."""
    found = analysis.once(connections)
    if found is None:
        return
    for located in analysis.all:
        if located.id in found.unused:
            message = f"nothing uses the output of {located.id}, and it changes nothing outside"
            hint = f"refer to steps.{located.id}.output, list it in outputs, or remove it"
            yield analysis.at((*located.place, "id"), CODE, message, hint=hint, severity="warning")
