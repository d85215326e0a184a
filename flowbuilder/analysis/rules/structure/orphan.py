"""FB103: an isolated step: it has no connection to the others, so most likely a reference is missing.

A step is connected when it uses a step, is used by one or by `outputs`, writes to the outside world, or asks a person.
An isolated step that runs code may be there to fail on purpose, and gets a warning only. The only step of a workflow is
never reported.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: other, type: page, url: https://example.com/b}
      - {id: draft, type: llm, model: "demo:", prompt: "Shorten {{ steps.page.output.text }}"}
    outputs: {text: "{{ steps.draft.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: other, type: page, url: https://example.com/b}
      - id: draft
        type: llm
        model: "demo:"
        prompt: "Shorten {{ steps.page.output.text }} and {{ steps.other.output.text }}"
    outputs: {text: "{{ steps.draft.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.rules.structure._usage import step_usage
from flowbuilder.diagnostics import Diagnostic, Severity

CODE = "FB103"
_MAY_FAIL_ON_PURPOSE = ("code", "mcp_code", "guard")


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error or a warning at each isolated step, where other steps are connected."""
    found = analysis.cached(step_usage)
    if found is None or not (found.any_connected and found.has_purpose):
        return
    for located in analysis.steps:
        if located.id in found.isolated:
            message = f"{located.id} is isolated: it reads no step, nothing reads it, and it changes nothing outside"
            hint = f"refer to steps.{located.id}.output, list it in outputs, or remove it"
            severity: Severity = "warning" if located.step.type in _MAY_FAIL_ON_PURPOSE else "error"
            yield analysis.diagnostic_at((*located.place, "id"), CODE, message, hint=hint, severity=severity)
