"""FB401: text that outsiders may have written is published without a person's approval of exactly this text.

Web pages, API answers, search data and answers of MCP servers are untrusted, and so is what a model or a program makes
of them; a number, a boolean or one of a fixed list of words is not. Such text may go into a prompt and into a review.
The URL of a write counts as published: it names the page that is made. It may be published (by a `cms` step, or an
`api` step that is not a GET) only as what a reviewer approved:
`steps.review.output.approved`, not changed afterwards. The message shows the path of the text.

The URL of a write is published text too: it says which page is written. It must be trusted, or known when a review of
the content opens: the reviewer is shown it, and approves it together with the content.

A step can trust a source by name: `trust: {source: page, reason: our own page, by: Ana}`. Approval is checked again
when the step runs: what is sent must be, byte for byte, what was approved in this execution.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - {id: review, type: human_review, title: Look at this, proposal: "{{ steps.draft.output.text }}"}
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "{{ steps.draft.output.text }}"
        when: steps.review.output.decision == "approved"

Right:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - {id: review, type: human_review, title: Look at this, proposal: "{{ steps.draft.output.text }}"}
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "{{ steps.review.output.approved }}"
        when: steps.review.output.decision == "approved"
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.rules.trust.untrusted_host import has_fixed_host
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.report import taint_diagnostics
from flowbuilder.analysis.taint.sinks import TaintFlow, taint_flows
from flowbuilder.diagnostics import Diagnostic

CODE = "FB401"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each step that publishes such text."""
    yield from taint_diagnostics(analysis, CODE, partial(_find, analysis), _message, _hint)


def _find(analysis: Analysis, propagation: Propagation, waived: Collection[str]) -> Iterator[TaintFlow]:
    for found in taint_flows(propagation, waived, sinks=("publish",)):
        # where untrusted text decides the host as well, FB402 reports the URL
        is_reported = found.text.sink == "host" and not analysis.definition.hosts
        if not is_reported or has_fixed_host(propagation, found):
            yield found


def _message(found: TaintFlow, step: str) -> str:
    return f"untrusted text is published by {step} ({found.field}): {found.path}"


def _hint(found: TaintFlow) -> str:
    if found.text.sink == "host":
        return (
            "publish what a review approves, and take the URL from steps before that review: its reviewer is shown "
            f"it; or trust the source: trust: {{source: {found.waivable}, reason: ..., by: ...}}"
        )
    review = next((name for name in found.trail.steps if "," in name), None)
    if review is not None:
        return f"publish steps.{review.partition(',')[0]}.output.approved unchanged, or have the changed text reviewed"
    return (
        "publish what a reviewer approved, steps.<review>.output.approved; "
        f"or trust the source: trust: {{source: {found.waivable}, reason: ..., by: ...}}"
    )
