"""FB502: a condition is constant: it depends on nothing, and is always true or always false.

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

from flowbuilder.analysis.conditions import constant_value
from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.language import Expression

CODE = "FB502"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such condition."""
    if analysis.incomplete:
        return
    for text in analysis.texts:
        if text.place[-1] != "when" or not isinstance(text.compiled, Expression):
            continue
        value = constant_value(text.compiled)
        if value is not None:
            is_branch = "branches" in text.place[-4:]
            always = "always" if value else "never"
            meaning = f"this branch is {always} taken" if is_branch else f"this step {always} runs"
            message = f"the condition is always {str(value).lower()}: {meaning}"
            if value:
                hint = "move the steps of this branch to else" if is_branch else "remove the condition"
            else:
                hint = f"remove the {'branch' if is_branch else 'step'}, or correct the condition"
            yield analysis.diagnostic_at(text.place, CODE, message, hint=hint, severity="warning")
