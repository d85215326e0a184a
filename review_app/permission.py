"""Whether a person may decide a review, said before they try. The store checks again when they do."""

from __future__ import annotations

from flowbuilder.app import App
from flowbuilder.errors import NotFound
from flowbuilder.model.review import Review
from flowbuilder.model.review_opening import may_decide, same_person


def why_not(app: App, review: Review, me: str) -> str:
    """Why this person may not decide this review, as a sentence; empty when they may."""
    assign = review.request.assign
    if assign.group or assign.people:
        record = app.execution(review.execution_id).site_record
        allowed = may_decide(assign, record)
        if allowed and same_person(me) not in allowed:
            asked = f"the group {assign.group}" if assign.group else ", ".join(assign.people)
            return f"This review asks {asked}; {me} is not among them."
    if assign.not_author and same_person(_author(app, review)) == same_person(me):
        return "You wrote this version of the workflow, and its author may not decide this review."
    if same_person(me) in {same_person(name) for name in review.approvals}:
        missing = assign.quorum - len(review.approvals)
        noun = "approval is" if missing == 1 else "approvals are"
        return f"You have approved this already; {missing} more {noun} needed."
    return ""


def _author(app: App, review: Review) -> str:
    try:
        return app.version(review.workflow, app.execution(review.execution_id).version).author
    except NotFound:
        return ""
