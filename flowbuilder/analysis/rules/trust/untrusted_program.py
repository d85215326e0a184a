"""FB403: text that outsiders may have written becomes a program, an argument of a privileged tool, or steers tools.

Not even text that a reviewer approved may become a program: reviewers read texts, not code. Pass the text to the
program as a value, under `with`, and name the tool in the definition.

Who writes a part of a prompt may also decide which tools the model calls, and with what. So untrusted text, answers of
tools under `context` and images by URL included, may only reach an `mcp_llm` whose `tools` write nothing:
`reads_only: true` says so.

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
from flowbuilder.steps.step import Step

CODE = "FB403"
_READS_ONLY = "mark each tool that writes nothing with reads_only: true, or let a step of its own call the tool"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each such step."""
    yield from taint_diagnostics(analysis, CODE, partial(taint_flows, sinks=("code", "tool", "agent")), _message, _hint)
    for located in analysis.steps:
        step = located.step
        if (what := step.steered_by()) and not _is_waived(step):
            message = f"{what} are in the prompt of {located.id}, whose model may call tools that write"
            yield analysis.diagnostic_at((*located.place, "tools"), CODE, message, hint=_READS_ONLY)


def _is_waived(step: Step) -> bool:
    return any(trust.source == step.id for trust in step.trusts)


def _message(found: TaintFlow, step: str) -> str:
    if found.text.sink == "code":
        what = f"is run as a program by {step}"
    elif found.text.sink == "agent":
        what = f"is in the prompt of {step}, whose model may call tools that write ({found.field})"
    else:
        what = f"is passed to a privileged tool by {step} ({found.field})"
    return f"untrusted text {what}: {found.path}"


def _hint(found: TaintFlow) -> str:
    if found.text.sink == "code":
        return "pass it to the program as a value, under with"
    if found.text.sink == "agent":
        return _READS_ONLY
    return "pass numbers, booleans or words of a fixed list, or trust the source with trust"
