"""FB406: text that outsiders may have written decides who approves, or under which key something is written.

The people, the group and the quorum of a review decide what its approval means. The key of an effect decides whether a
write is made at all, and is sent along with it; `if_unchanged` decides whether it replaces what another person wrote.
A number that an outsider chose may not be a quorum either. A choice between words of the author is allowed.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.draft.output.text }}"
        assign: {people: ["{{ steps.page.output.description }}"]}
    outputs: {text: "{{ steps.review.output.approved }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.draft.output.text }}"
        assign: {group: "{{ 'legal' if 'price' in steps.page.output.text else 'editors' }}"}
    outputs: {text: "{{ steps.review.output.approved }}"}
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, taint_flows
from flowbuilder.diagnostics import Diagnostic

CODE = "FB406"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each such step."""
    yield from taint_diagnostics(analysis, CODE, partial(taint_flows, sinks=("control",)), _message, _hint)


def _message(found: TaintFlow, step: str) -> str:
    what = "who approves" if found.place[0] == "assign" else "under which key or condition something is written"
    return f"untrusted text decides {what} in {step} ({found.field}): {found.path}"


def _hint(found: TaintFlow) -> str:
    if found.place[0] == "assign":
        return "name the people or a group of the site, or choose between names that are written here"
    return "use an input, a number, {{ execution.id }}, or the hash that a cms step has read"
