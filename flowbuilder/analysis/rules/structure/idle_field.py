"""FB111: `retry` or `timeout_seconds` on a step that neither calls nor computes anything itself.

An iteration, a conditional and a called workflow consist of other steps, which have their own attempts and limits; a
review waits for a person, for as long as `expires_in` says.

Wrong:
    steps:
      - id: pages
        type: iteration
        over: "['https://example.com/a', 'https://example.com/b']"
        retry: {attempts: 3}
        steps: [{id: page, type: page, url: "{{ item }}"}]
        output: "{{ steps.page.output.text }}"
    outputs: {texts: "{{ steps.pages.output.outputs }}"}

Right:
    steps:
      - id: pages
        type: iteration
        over: "['https://example.com/a', 'https://example.com/b']"
        steps: [{id: page, type: page, url: "{{ item }}", retry: {attempts: 3}}]
        output: "{{ steps.page.output.text }}"
    outputs: {texts: "{{ steps.pages.output.outputs }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic

CODE = "FB111"
_HINTS = {
    "loop": "give {field} to the steps inside",
    "branch": "give {field} to the steps inside",
    "call": "give {field} to the steps of that workflow",
    "review": "write expires_in for the time that a reviewer has",
}


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each such field."""
    for located in analysis.steps:
        step = located.step
        for field in ("retry", "timeout_seconds"):
            if step.kind in _HINTS and getattr(step, field) is not None:
                hint = _HINTS[step.kind].format(field=field)
                if step.kind == "review" and field == "retry":
                    hint = "remove it: a review is asked once"
                message = f"{field} has no effect on a step of type {step.type}"
                yield analysis.diagnostic_at((*located.place, field), CODE, message, hint=hint)
