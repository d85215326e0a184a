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

from flowbuilder.analysis.model import Reading, Text
from flowbuilder.analysis.nullability import out_of_scope
from flowbuilder.diagnostics import Diagnostic

CODE = "FB107"


def check(reading: Reading) -> Iterator[Diagnostic]:
    """A complaint at each reference to an unknown step."""
    for text in reading.texts:
        for reference in text.text.references:
            if reference.path == ("steps",):
                message = "steps cannot be read as a whole: what a text needs must be known before anything runs"
                hint = "write out which step is meant: steps.<id>.output"
                yield reading.in_text(text, reference.start, reference.end, CODE, message, hint=hint)
    for text, reference, name in reading.reads:
        if name in reading.by_id or name in reading.written_ids:
            continue
        hint, notes = reading.meant(name, _visible(reading, text), what="the steps visible here are")
        message = f"there is no step {name}"
        yield reading.in_text(text, reference.start, reference.end, CODE, message, hint=hint, notes=notes)


def _visible(reading: Reading, text: Text) -> Iterator[str]:
    for located in reading.all:
        if located.id and located is not text.reader and not out_of_scope(text.block, located):
            yield located.id
