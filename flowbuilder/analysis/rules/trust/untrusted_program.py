"""FB403: text that outsiders may have written becomes a program, the name of a tool, or what a privileged tool gets.

Not even what a reviewer approved becomes a program: people read texts, not code. Give the text to the program as a
value, under `with`, and name the tool in the definition.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: sum, type: code, source: "{{ steps.page.output.text }}"}
    outputs: {sum: "{{ steps.sum.output }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: sum, type: code, source: len(text), with: {text: "{{ steps.page.output.text }}"}}
    outputs: {sum: "{{ steps.sum.output }}"}
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.report import complaints
from flowbuilder.analysis.taint.sinks import Reached, reached
from flowbuilder.diagnostics import Diagnostic

CODE = "FB403"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint for each step."""
    yield from complaints(analysis, CODE, partial(reached, sinks=("code", "tool")), _message, _hint)


def _message(found: Reached, step: str) -> str:
    if found.text.sink == "code":
        what = f"is run as a program by {step}"
    elif found.field == "tool":
        what = f"chooses the tool of {step}"
    else:
        what = f"is handed to a privileged tool by {step} ({found.field})"
    return f"untrusted text {what}: {found.way}"


def _hint(found: Reached) -> str:
    if found.text.sink == "code":
        return "give it to the program as a value, under with"
    if found.field == "tool":
        return "name the tool in the definition; what differs belongs into its arguments"
    return "hand it numbers, booleans or words of a fixed list; or vouch for the source with trust"
