"""FB405: a review of untrusted text approves it when nobody answers in time, and the text is published then.

`on_expire: approved` means that text which outsiders may have written can go out without anybody having seen it. That
may be what is wanted; it is said here so that it is no accident.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.draft.output.text }}"
        expires_in: P2D
        on_expire: approved
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "{{ steps.review.output.approved }}"
        when: steps.review.output.decision == "approved"

Right:
    steps:
      - {id: page, type: page, url: https://example.com/a}
      - {id: draft, type: llm, model: "demo:", prompt: "Rewrite {{ steps.page.output.markdown }}"}
      - id: review
        type: human_review
        title: Look at this
        proposal: "{{ steps.draft.output.text }}"
        expires_in: P2D
        on_expire: escalate
      - id: publish
        type: cms
        operation: update
        url: https://example.com/a
        body: "{{ steps.review.output.approved }}"
        when: steps.review.output.decision == "approved"
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sources import marks_of
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.human_review import HumanReview

CODE = "FB405"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such review whose approval reaches something that is published."""
    shaping = analysis.once(Propagation)
    careless = {
        shaping.path(located): located
        for located in analysis.all
        if isinstance(located.step, HumanReview) and located.step.on_expire == "approved"
    }
    if not careless:
        return
    published = {
        mark.step
        for located in analysis.all
        for text in located.texts
        if text.sink == "publish"
        for mark in marks_of(shaping.seen[text].shape.trust)
    }
    for path, located in careless.items():
        if path in published:
            message = f"{located.id} approves untrusted text by itself when nobody answers, and it is published then"
            hint = "let it be escalated or withdrawn: on_expire: escalate"
            yield analysis.at((*located.place, "on_expire"), CODE, message, hint=hint, severity="warning")
