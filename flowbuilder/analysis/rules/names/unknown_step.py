"""FB107: a reference names a step that does not exist, or no step at all.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.pgae.output.text }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis, LocatedText
from flowbuilder.analysis.nullability import hiding_iteration
from flowbuilder.diagnostics import Diagnostic

CODE = "FB107"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error at each reference to an unknown step."""
    for text in analysis.texts:
        for reference in text.compiled.references:
            if reference.path == ("steps",):
                message = "steps cannot be read as a whole: a reference names one step"
                hint = "write steps.<id>.output"
                yield analysis.diagnostic_in(text, reference.start, reference.end, CODE, message, hint=hint)
    for text, reference, name in analysis.step_references:
        if name in analysis.by_id or name in analysis.written_ids:
            continue
        hint, notes = analysis.suggest(name, _visible(analysis, text), what="the steps visible here are")
        message = f"there is no step {name}"
        yield analysis.diagnostic_in(text, reference.start, reference.end, CODE, message, hint=hint, notes=notes)


def _visible(analysis: Analysis, text: LocatedText) -> Iterator[str]:
    for located in analysis.steps:
        if located.id and located is not text.reader and not hiding_iteration(text.block, located):
            yield located.id
