"""FB405: a review approves untrusted text when no reviewer answers in time, and the text is then published.

With `on_expire: approved`, text that outsiders may have written can be published unseen. The warning makes sure that
this is intended.

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
    propagation = analysis.cached(Propagation)
    self_approving = {
        propagation.path(located): located
        for located in analysis.steps
        if isinstance(located.step, HumanReview) and located.step.on_expire == "approved"
    }
    if not self_approving:
        return
    published = {
        mark.step
        for located in analysis.steps
        for text in located.texts
        if text.sink == "publish"
        for mark in marks_of(propagation.checked[text].shape.trust)
    }
    for path, located in self_approving.items():
        if path in published:
            message = f"{located.id} approves untrusted text when no reviewer answers in time; then it is published"
            hint = "use on_expire: escalate or on_expire: withdrawn"
            yield analysis.diagnostic_at((*located.place, "on_expire"), CODE, message, hint=hint, severity="warning")
