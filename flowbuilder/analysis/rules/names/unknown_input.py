"""FB106: a reference names an input that the workflow does not have.

Wrong:
    inputs:
      url: {type: string}
    steps:
      - {id: page, type: page, url: "{{ inputs.link }}"}
    outputs: {text: "{{ steps.page.output.text }}"}

Right:
    inputs:
      url: {type: string}
    steps:
      - {id: page, type: page, url: "{{ inputs.url }}"}
    outputs: {text: "{{ steps.page.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic

CODE = "FB106"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each reference to an unknown input."""
    names = [item.name for item in analysis.definition.inputs]
    known = set(names)
    for text in analysis.texts:
        for reference in text.compiled.references:
            if len(reference.path) > 1 and reference.path[0] == "inputs" and reference.path[1] not in known:
                name = str(reference.path[1])
                hint, notes = analysis.suggest(name, names, what="the inputs are")
                message = f"there is no input {name}"
                hint = hint or "declare it under inputs"
                yield analysis.diagnostic_in(
                    text, reference.start, reference.end, CODE, message, hint=hint, notes=notes
                )
