"""FB107: a reference names a step that does not exist, or none.

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

from flowbuilder.analysis.model import Analysis, Text
from flowbuilder.analysis.nullability import out_of_scope
from flowbuilder.diagnostics import Diagnostic

CODE = "FB107"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint at each reference to an unknown step."""
    for text in analysis.texts:
        for reference in text.text.references:
            if reference.path == ("steps",):
                message = "steps cannot be read as a whole: what a text needs must be known before anything runs"
                hint = "write out which step is meant: steps.<id>.output"
                yield analysis.in_text(text, reference.start, reference.end, CODE, message, hint=hint)
    for text, reference, name in analysis.reads:
        if name in analysis.by_id or name in analysis.written_ids:
            continue
        hint, notes = analysis.meant(name, _visible(analysis, text), what="the steps visible here are")
        message = f"there is no step {name}"
        yield analysis.in_text(text, reference.start, reference.end, CODE, message, hint=hint, notes=notes)


def _visible(analysis: Analysis, text: Text) -> Iterator[str]:
    for located in analysis.all:
        if located.id and located is not text.reader and not out_of_scope(text.block, located):
            yield located.id
