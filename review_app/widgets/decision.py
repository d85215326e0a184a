"""Decision controls of a review: comment, guarded buttons, questions before a decision, and the recorded one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from flowbuilder.app import App
from flowbuilder.diagnostics import count
from flowbuilder.errors import Conflict, FlowbuilderError
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_draft import Draft
from flowbuilder.model.review_rules import NO_EDIT, Answer, NoEdit, claim_of_another
from flowbuilder.model.reviewers import SYSTEM
from flowbuilder.values import Json
from review_app import session
from review_app.identity import refusal_reason
from review_app.markdown_escape import escaped
from review_app.widgets import chips, editor, queue, undo
from review_app.widgets.page_frame import alert, show
from review_app.widgets.painted import button, guarded, token_of

_TOASTS: dict[DecisionKind, str] = {
    "approved": "Approved",
    "changes_requested": "Changes requested",
    "rejected": "Rejected",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
}
_EXPLAINED: dict[DecisionKind, str] = {
    "expired": "No reviewer decided in time. Nothing was approved.",
    "withdrawn": "The review was withdrawn. No decision is needed, and nothing was approved.",
    "changes_requested": "The draft is redone with this comment. The next round opens a new review.",
}
_ANYWAY: dict[DecisionKind, str] = {
    "approved": "Approve anyway",
    "changes_requested": "Request changes anyway",
    "rejected": "Reject anyway",
}
_SHOWN_OPEN = "fb:shown-open"
_MESSAGE = "fb:message"
_QUESTION = "fb:question"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The content that the user sees: the review as it was drawn, and the page of the queue beside it."""

    review: Review
    listed: queue.QueuePage


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked before a decision is recorded. `drawn` is the token of the review as it was drawn, `token` that of
    the answer: a confirmation counts for this answer only."""

    drawn: str
    token: str
    kind: DecisionKind
    reasons: tuple[str, ...]


def actions(app: App, seen: Seen, draft: Draft, me: str) -> None:
    """Draw the comment box and the buttons of an open review."""
    review, token = seen.review, token_of(seen.review)
    st.session_state[_SHOWN_OPEN] = review.id
    refusal = refusal_reason(app, review, me)
    disabled = bool(refusal)
    can_request_changes = review.request.may_request_changes
    with st.container(key="fb-decide"):
        editor.comment_box(review, draft, disabled=disabled)
        with guarded(token):
            button(
                "Approve with edits" if draft.editing else "Approve", "approve", token, _decide,
                (app, seen, me, "approved"), type="primary", disabled=disabled,
            )  # fmt: skip
            button(
                "Request changes", "changes", token, _decide, (app, seen, me, "changes_requested"),
                disabled=disabled or not can_request_changes,
                help=None if can_request_changes else "No rounds left. Approve or reject.",
            )  # fmt: skip
            button("Reject", "reject", token, _decide, (app, seen, me, "rejected"), disabled=disabled)
            if review.request.proposal is not None and review.request.may_edit:
                label = "Close editor" if draft.editing else "Edit"
                button(label, "edit", token, _toggle_edit, (app, review, me), disabled=disabled)
            label = "Release" if review.claimed_by == me else "Claim"
            button(label, "claim", token, _claim, (app, review, me), disabled=disabled)
        editor.keep_saved(app, review, draft, me)
        _draw_question(app, seen, me)
        _show_message(review)
    if refusal:
        show(f'<div class="fb-note">{escaped(refusal)}</div>')


def decided_meanwhile(review: Review, me: str) -> bool:
    """Whether another reviewer decided the review while this user had it open."""
    decision = review.decision
    return decision is not None and decision.by != me and st.session_state.get(_SHOWN_OPEN) == review.id


def outcome(review: Review, draft: Draft, me: str) -> None:
    """Draw the decision of a review. A comment that the user is typing stays."""
    decision = review.decision
    if decision is None:
        return
    system = decision.by == SYSTEM
    who = "you" if decision.by == me else decision.by
    if decided_meanwhile(review, me):
        # the same widget at the same place, so that it keeps the text that is being typed
        with st.container(key="fb-decide"):
            editor.comment_box(review, draft)
        if not _has_message(review):
            happened = "This review was closed" if system else f"{who} decided this review"
            _set_message(
                review, "warning", f"{happened} while you had it open. Your input is kept but was not submitted."
            )
        _show_message(review)
    edited = chips.chip("Edited", "blue") if decision.edited else ""
    comment = f'<div class="fb-quote">{escaped(decision.comment)}</div>' if decision.comment else ""
    by = "" if system else f" by <b>{escaped(who)}</b>"
    explained = _EXPLAINED.get(decision.kind, "")
    if review.awaits_decision:
        explained = "The execution continues with this decision in a moment. Until then it can be undone."
    why = f'<div class="fb-muted">{escaped(explained)}</div>' if explained else ""
    head = f"{chips.status(decision.kind)}{edited}{by} {chips.relative_time(decision.at)}"
    show(f'<div class="fb-outcome">{head}{comment}{why}</div>')


def _decide(app: App, seen: Seen, me: str, kind: DecisionKind, confirmed: str = "") -> None:
    review = seen.review
    _clear_message()
    edited: Json | NoEdit = NO_EDIT
    try:
        draft = editor.draft_of(app, review, me)
        comment = editor.typed_comment(review, draft)
        if kind == "approved" and draft.editing:
            edited = _typed_value(review, draft)
        answer = Answer.to(review, kind=kind, by=me, comment=comment, edited=edited)
        answer.ensure_has_reason()
        question = _question(answer, review, draft)
        if question is not None and question.token != confirmed:
            st.session_state[_QUESTION] = question
            return
        hold = timedelta(seconds=app.settings.undo_seconds)
        decided = app.decide(review.id, answer, hold=hold)
    except Conflict as conflict:
        if not _is_recorded(app, review, kind, me):
            _set_message(review, "warning", f"{conflict.message}. Your decision was not submitted; your input is kept.")
        return
    except (FlowbuilderError, editor.InvalidEdit) as refused:
        _set_message(review, "error", str(refused))
        return
    editor.clear(review)
    undo.forget_message()
    undo.forget_approval()
    if decided.decision is None:
        undo.remember_approval(app, decided)
        left = max(1, review.request.assign.quorum - len(decided.approvals))
        _toast(f"Approved, {count(left, 'more approval')} needed · {review.request.title}")
    else:
        _toast(f"{_TOASTS[kind]} · {review.request.title}")
    seen.listed.choose_next(review.id)


def _typed_value(review: Review, draft: Draft) -> Json:
    """The value in the editor. Raises `InvalidEdit` also when there is no text at all: nothing is approved unseen."""
    typed = editor.typed_edit(review, draft)
    if typed is None:
        raise editor.InvalidEdit("The editor had no text yet. Look at your edit and press again.")
    return editor.read_edit(review, typed)


def _question(answer: Answer, review: Review, draft: Draft) -> Question | None:
    """What has to be confirmed before this answer is recorded, if anything."""
    reasons: list[str] = []
    if claim := claim_of_another(review, answer.by, session.now()):
        reasons.append(f"{claim} and may be working on it.")
    if answer.edited is not NO_EDIT and (dropped := editor.loss(review.request.proposal, answer.edited)):
        reasons.append(dropped)
    if editor.changed_elsewhere(review, draft):
        reasons.append("You changed this draft in another window. This decision takes the text of this window.")
    if not reasons:
        return None
    edit = "" if answer.edited is NO_EDIT else repr(answer.edited)
    return Question(
        drawn=token_of(review),
        token=token_of(review, answer.kind, edit, *reasons),
        kind=answer.kind,
        reasons=tuple(reasons),
    )


def _draw_question(app: App, seen: Seen, me: str) -> None:
    question = st.session_state.get(_QUESTION)
    if not isinstance(question, Question):
        return
    if question.drawn != token_of(seen.review):
        st.session_state.pop(_QUESTION)
        return
    alert(" ".join(question.reasons), warning=True)
    with guarded(question.token):
        button(_ANYWAY.get(question.kind, "Decide anyway"), "confirm", question.token, _decide,
               (app, seen, me, question.kind, question.token))  # fmt: skip
        button("Cancel", "cancel", question.token, _drop_question, ())


def _drop_question() -> None:
    st.session_state.pop(_QUESTION, None)


def _is_recorded(app: App, review: Review, kind: DecisionKind, me: str) -> bool:
    """Whether this answer to this version is recorded: then it was a second press on the same painted review."""
    try:
        stored = app.review(review.id)
    except FlowbuilderError:
        return False
    made = stored.decision
    return made is not None and (made.kind, made.by, stored.version) == (kind, me, review.version + 1)


def _claim(app: App, review: Review, me: str) -> None:
    _clear_message()
    try:
        if review.claimed_by == me:
            app.release(review.id, by=me)
        else:
            app.claim(review.id, by=me)
    except FlowbuilderError as refused:
        _set_message(review, "warning", f"{refused.message}.")


def _toggle_edit(app: App, review: Review, me: str) -> None:
    _clear_message()
    try:
        opened = editor.toggle(app, review, me)
    except FlowbuilderError as refused:
        _set_message(review, "error", f"{refused.message}.")
        return
    if opened and review.claimed_by != me:
        _claim(app, review, me)  # shows others that this user works on it


def _set_message(review: Review, tone: str, text: str) -> None:
    st.session_state[_MESSAGE] = (review.id, tone, text)


def _clear_message() -> None:
    st.session_state.pop(_MESSAGE, None)
    st.session_state.pop(_QUESTION, None)


def _has_message(review: Review) -> bool:
    return bool(st.session_state.get(_MESSAGE, ("",))[0] == review.id)


def _show_message(review: Review) -> None:
    """Show the message of the last action until the next action or another review. A redraw for the actions of other
    reviewers must not remove it."""
    if not _has_message(review):
        st.session_state.pop(_MESSAGE, None)
        return
    _, tone, text = st.session_state[_MESSAGE]
    alert(text, warning=tone == "warning")


def _toast(text: str) -> None:
    st.session_state.setdefault("fb:toasts", []).append(text)
