"""Whether a person may decide a review, said before they try. The store checks again when they do."""

from __future__ import annotations

from flowbuilder.app import App
from flowbuilder.errors import NotFound
from flowbuilder.model.review import Review
from flowbuilder.model.review_opening import allowed_reviewers, normalized_name


def why_not(app: App, review: Review, me: str) -> str:
    """Why this person may not decide this review, as a sentence; empty when they may."""
    assign = review.request.assign
    if assign.group or assign.people:
        record = app.execution(review.execution_id).site_record
        allowed = allowed_reviewers(assign, record)
        if allowed and normalized_name(me) not in allowed:
            asked = f"the group {assign.group}" if assign.group else ", ".join(assign.people)
            return f"This review asks {asked}; {me} is not among them."
    if assign.not_author and normalized_name(_author(app, review)) == normalized_name(me):
        return "You wrote this version of the workflow, and its author may not decide this review."
    if normalized_name(me) in {normalized_name(name) for name in review.approvals}:
        missing = assign.quorum - len(review.approvals)
        noun = "approval is" if missing == 1 else "approvals are"
        return f"You have approved this already; {missing} more {noun} needed."
    return ""


def _author(app: App, review: Review) -> str:
    try:
        return app.version(review.workflow, app.execution(review.execution_id).version).author
    except NotFound:
        return ""
