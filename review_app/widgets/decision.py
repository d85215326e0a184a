"""Decision controls of a review: comment, buttons with shortcuts, editor, and the recorded decision."""

from __future__ import annotations

import json
from dataclasses import dataclass

import streamlit as st

from flowbuilder.app import App
from flowbuilder.diagnostics import count
from flowbuilder.errors import Conflict, FlowbuilderError
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer, NoEdit
from flowbuilder.model.reviewers import SYSTEM
from flowbuilder.values import Json, NotJson, ensure_json
from review_app.fields import as_text, is_structured
from review_app.identity import refusal_reason
from review_app.markdown_escape import escaped
from review_app.widgets import chips, queue
from review_app.widgets.page_frame import alert, show

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
_SHOWN_OPEN = "fb:shown-open"
_MESSAGE = "fb:message"


class InvalidEdit(ValueError):
    """The edit is not a valid value of the proposal's type; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The content that the user sees: the review as it was drawn, and the page of the queue beside it."""

    review: Review
    listed: queue.QueuePage


def actions(app: App, seen: Seen, me: str) -> None:
    """Draw the comment box and the buttons of an open review."""
    review = seen.review
    st.session_state[_SHOWN_OPEN] = review.id
    mine = review.claimed_by == me
    editing = is_editing(review)
    refusal = refusal_reason(app, review, me)
    disabled = bool(refusal)
    can_request_changes = review.request.may_request_changes
    with st.container(key="fb-decide"):
        _comment_box(review, disabled=disabled)
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="fb-buttons"):
            st.button(
                "Approve with edits" if editing else "Approve", type="primary", key="approve", shortcut="A",
                disabled=disabled, on_click=_decide, args=(app, seen, me, "approved"),
            )  # fmt: skip
            st.button(
                "Request changes", key="changes", shortcut="G", disabled=disabled or not can_request_changes,
                help=None if can_request_changes else "No rounds left. Approve or reject.",
                on_click=_decide, args=(app, seen, me, "changes_requested"),
            )  # fmt: skip
            st.button(
                "Reject",
                key="reject",
                shortcut="X",
                disabled=disabled,
                on_click=_decide,
                args=(app, seen, me, "rejected"),
            )
            if review.request.proposal is not None and review.request.may_edit:
                st.button("Close editor" if editing else "Edit", key="edit", shortcut="E", disabled=disabled,
                          on_click=_toggle_edit, args=(app, review, me))  # fmt: skip
            st.button(
                "Release" if mine else "Claim", key="claim", shortcut="L", disabled=disabled, on_click=_claim,
                args=(app, review, me),
            )  # fmt: skip
    if refusal:
        show(f'<div class="fb-note">{escaped(refusal)}</div>')
    _show_message(review)


def _comment_box(review: Review, *, disabled: bool = False) -> None:
    st.text_area(
        "Comment", key=_comment(review), height=68, label_visibility="collapsed", disabled=disabled,
        placeholder="Comment (required to reject or request changes)",
    )  # fmt: skip


def decided_meanwhile(review: Review, me: str) -> bool:
    """Whether another reviewer decided the review while this user had it open."""
    decision = review.decision
    return decision is not None and decision.by != me and st.session_state.get(_SHOWN_OPEN) == review.id


def is_editing(review: Review) -> bool:
    """Whether the user has the editor open."""
    return bool(st.session_state.get(f"fb:editing:{review.id}"))


def editor(review: Review) -> Json:
    """Draw the editor; returns the edited value, None while it is not valid."""
    text = st.text_area(
        "Edit the proposal" + (" (JSON)" if is_structured(review.request.proposal) else ""),
        key=_edit(review), height=420, help="Approving approves exactly this text.",
    )  # fmt: skip
    try:
        return read_edit(review, text or "")
    except InvalidEdit as wrong:
        alert(str(wrong), warning=True)
        return None


def read_edit(review: Review, text: str) -> Json:
    """Parse the editor's text as a value of the proposal's type. Raises `InvalidEdit`.

    A browser's text box turns every line break into a line feed: a text that differs in nothing else is no edit.
    """
    proposal = review.request.proposal
    if isinstance(proposal, str):
        return proposal if text == proposal.replace("\r\n", "\n").replace("\r", "\n") else text
    try:
        value = ensure_json(json.loads(text), where="the edit")
    except json.JSONDecodeError as wrong:
        raise InvalidEdit(f"Not valid JSON: {wrong.msg} (line {wrong.lineno}, column {wrong.colno})") from None
    except (NotJson, RecursionError) as wrong:
        raise InvalidEdit(f"This value cannot be stored: {wrong}") from None
    if value is None:
        raise InvalidEdit("null cannot be approved. Reject the proposal instead.")
    return value


def outcome(review: Review, me: str) -> None:
    """Draw the decision of a review. A comment that the user is typing stays."""
    decision = review.decision
    if decision is None:
        return
    system = decision.by == SYSTEM
    who = "you" if decision.by == me else decision.by
    if decided_meanwhile(review, me):
        # the same widget at the same place, so that it keeps the text that is being typed
        with st.container(key="fb-decide"):
            _comment_box(review)
        if not _has_message(review):
            happened = "This review was closed" if system else f"{who} decided this review"
            _set_message(
                review, "warning", f"{happened} while you had it open. Your input is kept but was not submitted."
            )
        _show_message(review)
    edited = chips.chip("Edited", "blue") if decision.edited else ""
    comment = f'<div class="fb-quote">{escaped(decision.comment)}</div>' if decision.comment else ""
    by = "" if system else f" by <b>{escaped(who)}</b>"
    why = f'<div class="fb-muted">{escaped(_EXPLAINED[decision.kind])}</div>' if decision.kind in _EXPLAINED else ""
    head = f"{chips.status(decision.kind)}{edited}{by} {chips.relative_time(decision.at)}"
    show(f'<div class="fb-outcome">{head}{comment}{why}</div>')


def _comment(review: Review) -> str:
    return f"fb:comment:{review.id}"


def _edit(review: Review) -> str:
    return f"fb:edit:{review.id}"


def _decide(app: App, seen: Seen, me: str, kind: DecisionKind) -> None:
    review = seen.review
    _clear_message()
    comment = str(st.session_state.get(_comment(review)) or "")
    edited: Json | NoEdit = NO_EDIT
    try:
        if kind == "approved" and is_editing(review):
            edited = read_edit(review, str(st.session_state.get(_edit(review)) or ""))
        decided = app.decide(review.id, Answer.to(review, kind=kind, by=me, comment=comment, edited=edited))
    except Conflict as conflict:
        _set_message(review, "warning", f"{conflict.message}. Your decision was not submitted; your input is kept.")
        return
    except (FlowbuilderError, InvalidEdit) as refused:
        _set_message(review, "error", str(refused))
        return
    _clear_input(review)
    if decided.decision is None:
        left = max(1, review.request.assign.quorum - len(decided.approvals))
        _toast(f"Approved, {count(left, 'more approval')} needed · {review.request.title}")
    else:
        _toast(f"{_TOASTS[kind]} · {review.request.title}")
    seen.listed.choose_next(review.id)


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
    key = f"fb:editing:{review.id}"
    st.session_state[key] = not st.session_state.get(key)
    if not st.session_state[key]:
        return
    st.session_state.setdefault(_edit(review), as_text(review.request.proposal))
    if review.claimed_by != me:
        _claim(app, review, me)  # shows others that this user works on it


def _clear_input(review: Review) -> None:
    for key in (_comment(review), _edit(review), f"fb:editing:{review.id}"):
        st.session_state.pop(key, None)


def _set_message(review: Review, tone: str, text: str) -> None:
    st.session_state[_MESSAGE] = (review.id, tone, text)


def _clear_message() -> None:
    st.session_state.pop(_MESSAGE, None)


def _has_message(review: Review) -> bool:
    return bool(st.session_state.get(_MESSAGE, ("",))[0] == review.id)


def _show_message(review: Review) -> None:
    """Show the message of the last action until the next action or another review. A redraw for the actions of other
    reviewers must not remove it."""
    if not _has_message(review):
        _clear_message()
        return
    _, tone, text = st.session_state[_MESSAGE]
    alert(text, warning=tone == "warning")


def _toast(text: str) -> None:
    st.session_state.setdefault("fb:toasts", []).append(text)
