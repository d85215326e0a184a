"""FB107: a reference names a step that does not exist.

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

from flowbuilder.diagnostics import Diagnostic
from flowbuilder.guards import out_of_scope
from flowbuilder.reading import Reading
from flowbuilder.spelling import did_you_mean

CODE = "FB107"


def check(reading: Reading) -> Iterator[Diagnostic]:
    """A complaint at each reference to an unknown step."""
    for text, reference, name in reading.reads:
        if name in reading.written_ids:
            continue
        visible = [located.id for located in reading.all if located.id and not out_of_scope(text.block, located)]
        others = [other for other in visible if text.reader is None or other != text.reader.id]
        hint = did_you_mean(name, others, what="the steps visible here are")
        yield reading.in_text(text, reference.start, reference.end, CODE, f"there is no step {name}", hint=hint)
