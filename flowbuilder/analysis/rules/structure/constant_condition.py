"""FB502: a condition is always true or always false: it depends on nothing.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com, when: 1 > 2}
    outputs: {text: "{{ steps.page.output.text | default('') }}"}

Right:
    inputs:
      fetch: {type: boolean, default: true}
    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.fetch}
    outputs: {text: "{{ steps.page.output.text | default('') }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.constant_folding import constant_value
from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.language import Expression

CODE = "FB502"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such condition."""
    if analysis.incomplete:
        return
    for text in analysis.texts:
        if text.place[-1] != "when" or not isinstance(text.text, Expression):
            continue
        value = constant_value(text.text)
        if value is not None:
            branch = "branches" in text.place[-4:]
            always = "always" if value else "never"
            meaning = f"this branch is {always} taken" if branch else f"this step {always} runs"
            message = f"the condition is always {str(value).lower()}: {meaning}"
            hint = "leave the condition out" if value else "remove what can never be done"
            if branch and value:
                hint = "put this branch's steps under else"
            yield analysis.at(text.place, CODE, message, hint=hint, severity="warning")
