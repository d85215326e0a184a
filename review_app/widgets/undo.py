"""Undo: for some seconds after a decision, the reviewer can take it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.review import Decision, DecisionKind, Review
from flowbuilder.model.reviewers import person
from review_app import session
from review_app.markdown_escape import escaped
from review_app.widgets import editor, queue
from review_app.widgets.page_frame import alert, show
from review_app.widgets.painted import button, guarded, token_of

_DONE: dict[DecisionKind, str] = {
    "approved": "Approved",
    "changes_requested": "Changes requested",
    "rejected": "Rejected",
}
_MESSAGE = "fb:undo-message"
_APPROVAL = "fb:undo-approval"
"""The id of the review that this session approved last, short of its quorum, and the time until which undo is shown."""


def held_review(app: App, me: str) -> Review | None:
    """The review that this user decided last, or approved short of its quorum, while that can be undone."""
    now = session.now()
    if approved := _approved_review(app, me):
        return approved
    mine = [
        review
        for review in app.store.held_reviews()
        if review.decision is not None
        and person(review.decision.by) == person(me)
        and (review.decision.held_until or now) > now
    ]
    return mine[-1] if mine else None


def remember_approval(app: App, review: Review) -> None:
    """Offer undo for an approval that has just been given, short of the quorum."""
    until = session.now() + timedelta(seconds=app.settings.undo_seconds)
    st.session_state[_APPROVAL] = (review.id, review.version, until)


def forget_approval() -> None:
    """Stop offering undo for an approval short of the quorum."""
    st.session_state.pop(_APPROVAL, None)


def _approved_review(app: App, me: str) -> Review | None:
    """The review that this session approved last, with the approval in the place of a decision."""
    review_id, version, until = st.session_state.get(_APPROVAL) or ("", 0, session.now())
    if until <= session.now():
        return None
    review = app.review(review_id)
    if review.decision is not None or review.version != version:
        return None
    at = until - timedelta(seconds=app.settings.undo_seconds)
    return replace(review, decision=Decision(kind="approved", by=me, at=at, held_until=until))


def bar(app: App, held: Review | None, me: str) -> None:
    """Draw the last decision with its undo button, and the reason when an undo failed."""
    if message := st.session_state.get(_MESSAGE):
        alert(message, warning=True)
    if held is None or held.decision is None or held.decision.held_until is None:
        return
    left = (held.decision.held_until - session.now()).total_seconds()
    total = max(1.0, (held.decision.held_until - held.decision.at).total_seconds())
    token = token_of(held, "undo")
    with st.container(key="fb-undo", horizontal=True, vertical_alignment="center", gap="small"):
        show(
            f'<div class="fb-undo"><div class="fb-undo-title"><b>{_DONE.get(held.decision.kind, "Decided")}</b> · '
            f"{escaped(held.request.title or held.path)}</div>"
            f'<div class="fb-countdown"><i style="animation-duration:{total:.1f}s;'
            f'animation-delay:{left - total:.1f}s"></i></div></div>'
        )
        with guarded(token):
            button("Undo", "undo", token, _undo, (app, held, me))


def forget_message() -> None:
    """Stop showing why an undo failed."""
    st.session_state.pop(_MESSAGE, None)


def _undo(app: App, held: Review, me: str) -> None:
    forget_message()
    forget_approval()
    try:
        opened = app.undo(held.id, by=me)
        if opened.content_hash != held.content_hash:  # the edit is in the editor again
            editor.keep_edit(app, opened, me, held.request.proposal)
    except FlowbuilderError as refused:
        st.session_state[_MESSAGE] = f"Not undone: {refused.message}."
        return
    editor.clear(held)
    queue.choose(held.id)
