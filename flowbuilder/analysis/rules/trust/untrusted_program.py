"""FB403: text that outsiders may have written becomes a program, a tool's name, or an argument of a privileged tool.

Not even text that a reviewer approved may become a program: reviewers read texts, not code. Pass the text to the
program as a value, under `with`, and name the tool in the definition.

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
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, taint_flows
from flowbuilder.diagnostics import Diagnostic

CODE = "FB403"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each such step."""
    yield from taint_diagnostics(analysis, CODE, partial(taint_flows, sinks=("code", "tool")), _message, _hint)


def _message(found: TaintFlow, step: str) -> str:
    if found.text.sink == "code":
        what = f"is run as a program by {step}"
    elif found.field == "tool":
        what = f"chooses the tool of {step}"
    else:
        what = f"is passed to a privileged tool by {step} ({found.field})"
    return f"untrusted text {what}: {found.path}"


def _hint(found: TaintFlow) -> str:
    if found.text.sink == "code":
        return "pass it to the program as a value, under with"
    if found.field == "tool":
        return "name the tool in the definition, and pass what varies as an argument"
    return "pass numbers, booleans or words of a fixed list, or trust the source with trust"
