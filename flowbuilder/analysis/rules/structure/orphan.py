"""FB103: a step stands alone among steps that are connected: most likely a reference is missing.

A step counts as connected when it uses a step, is used by one or by `outputs`, writes to the outside world, or asks a
person. Code that stands alone may be there to fail on purpose: that is a warning only. The only step of a workflow is
never complained of.

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
from flowbuilder.analysis.rules.structure._usage import connections
from flowbuilder.diagnostics import Diagnostic, Severity

CODE = "FB103"
_MAY_FAIL_ON_PURPOSE = ("code", "mcp_code", "guard")


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each step that stands alone, where others do not."""
    found = analysis.once(connections)
    if found is None or not (found.connected and found.purposeful):
        return
    for located in analysis.all:
        if located.id in found.alone:
            message = f"{located.id} stands alone: nothing uses it, it uses no step, and it changes nothing outside"
            hint = f"refer to steps.{located.id}.output, list it in outputs, or remove it"
            severity: Severity = "warning" if located.step.type in _MAY_FAIL_ON_PURPOSE else "error"
            yield analysis.at((*located.place, "id"), CODE, message, hint=hint, severity=severity)
