"""Deciding a review: comment, buttons with their keys, edit before approve, and what is said to the slower of two."""

from __future__ import annotations

import json
from dataclasses import dataclass

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import Conflict, FlowbuilderError
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, SYSTEM, Answer, NoEdit
from flowbuilder.values import Json, NotJson, ensure_json
from review_app.fields import as_text, structured
from review_app.markdown_escape import escaped
from review_app.permission import why_not
from review_app.widgets import chips, queue
from review_app.widgets.page_frame import show, tell

DONE: dict[DecisionKind, str] = {
    "approved": "Approved",
    "changes_requested": "Changes requested",
    "rejected": "Rejected",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
}
_EXPLAINED: dict[DecisionKind, str] = {
    "expired": "Nobody answered before it ran out. Nothing was approved.",
    "withdrawn": "The question was taken back: nothing was approved, and it needs no answer any more.",
    "changes_requested": "The draft is made again with this comment; the next round is a review of its own.",
}
_SHOWN_OPEN = "fb:shown-open"
_MESSAGE = "fb:message"


class NotEdited(ValueError):
    """What was typed cannot be read as the proposal's kind of value; the message says where it breaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the person has on the screen: the review as it was drawn, and the page of the queue beside it."""

    review: Review
    listed: queue.Queue


def actions(app: App, seen: Seen, me: str) -> None:
    """Draw the comment and the buttons of an open review."""
    review = seen.review
    st.session_state[_SHOWN_OPEN] = review.id
    mine = review.claimed_by == me
    editing = is_editing(review)
    refusal = why_not(app, review, me)
    no = bool(refusal)
    may_ask_again = review.request.may_request_changes
    with st.container(key="fb-decide"):
        _comment_box(review, disabled=no)
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="fb-buttons"):
            st.button(
                "Approve my edit" if editing else "Approve", type="primary", key="approve", shortcut="A",
                disabled=no, on_click=_decide, args=(app, seen, me, "approved"),
            )  # fmt: skip
            st.button(
                "Request changes", key="changes", shortcut="G", disabled=no or not may_ask_again,
                help=None if may_ask_again else "This was the last round: approve or reject",
                on_click=_decide, args=(app, seen, me, "changes_requested"),
            )  # fmt: skip
            st.button(
                "Reject", key="reject", shortcut="X", disabled=no, on_click=_decide, args=(app, seen, me, "rejected")
            )
            if review.request.proposal is not None:
                st.button("Stop editing" if editing else "Edit", key="edit", shortcut="E", disabled=no,
                          on_click=_toggle_edit, args=(app, review, me))  # fmt: skip
            st.button(
                "Release" if mine else "Claim", key="claim", shortcut="L", disabled=no, on_click=_claim,
                args=(app, review, me),
            )  # fmt: skip
    if refusal:
        show(f'<div class="fb-note">{escaped(refusal)}</div>')
    _said(review)


def _comment_box(review: Review, *, disabled: bool = False) -> None:
    st.text_area(
        "Comment", key=_comment(review), height=68, label_visibility="collapsed", disabled=disabled,
        placeholder="Comment: required to reject or to request changes; the next round and the audit trail keep it",
    )  # fmt: skip


def came_late(review: Review, me: str) -> bool:
    """Whether someone else decided the review while this person had it open to decide it."""
    decision = review.decision
    return decision is not None and decision.by != me and st.session_state.get(_SHOWN_OPEN) == review.id


def is_editing(review: Review) -> bool:
    """Whether the person is changing the proposal."""
    return bool(st.session_state.get(f"fb:editing:{review.id}"))


def editor(review: Review) -> Json:
    """Draw the edit box; returns what it holds, None while that cannot be read."""
    text = st.text_area(
        "Your edit of the proposal" + (", as JSON" if structured(review.request.proposal) else ""),
        key=_edit(review), height=420, help="Exactly this text is approved and goes on, nothing else.",
    )  # fmt: skip
    try:
        return read_edit(review, text or "")
    except NotEdited as wrong:
        tell(str(wrong), warning=True)
        return None


def read_edit(review: Review, text: str) -> Json:
    """What an edit box holds as a value of the proposal's kind. Raises `NotEdited`.

    A browser's text box turns every line break into a line feed: a text that differs in nothing else is not an edit.
    """
    proposal = review.request.proposal
    if isinstance(proposal, str):
        return proposal if text == proposal.replace("\r\n", "\n").replace("\r", "\n") else text
    try:
        value = ensure_json(json.loads(text), where="the edit")
    except json.JSONDecodeError as wrong:
        raise NotEdited(f"this is not JSON yet: {wrong.msg} in line {wrong.lineno}, column {wrong.colno}") from None
    except (NotJson, RecursionError) as wrong:
        raise NotEdited(f"this cannot be kept: {wrong}") from None
    if value is None:
        raise NotEdited("null leaves nothing to approve: reject it instead")
    return value


def outcome(review: Review, me: str) -> None:
    """Draw how a decided review was decided; what this person had typed meanwhile is kept."""
    decision = review.decision
    if decision is None:
        return
    system = decision.by == SYSTEM
    who = "you" if decision.by == me else decision.by
    if came_late(review, me):
        # the same box at the same place: what is being typed right now stays in it
        with st.container(key="fb-decide"):
            _comment_box(review)
        if not _told(review):
            happened = "This was closed" if system else f"{who} was faster and decided this"
            _say(review, "warning", f"{happened} while you had it open. What you typed is kept, and was not sent.")
        _said(review)
    edited = chips.chip("with an edit", "blue") if decision.edited else ""
    comment = f'<div class="fb-quote">{escaped(decision.comment)}</div>' if decision.comment else ""
    by = "" if system else f" by <b>{escaped(who)}</b>"
    why = f'<div class="fb-muted">{escaped(_EXPLAINED[decision.kind])}</div>' if decision.kind in _EXPLAINED else ""
    head = f"{chips.status(decision.kind)}{edited}{by} {chips.moment(decision.at)}"
    show(f'<div class="fb-outcome">{head}{comment}{why}</div>')


def _comment(review: Review) -> str:
    return f"fb:comment:{review.id}"


def _edit(review: Review) -> str:
    return f"fb:edit:{review.id}"


def _decide(app: App, seen: Seen, me: str, kind: DecisionKind) -> None:
    review = seen.review
    _hush()
    comment = str(st.session_state.get(_comment(review)) or "")
    edited: Json | NoEdit = NO_EDIT
    try:
        if kind == "approved" and is_editing(review):
            edited = read_edit(review, str(st.session_state.get(_edit(review)) or ""))
        decided = app.decide(review.id, Answer.to(review, kind=kind, by=me, comment=comment, edited=edited))
    except Conflict as faster:
        _say(review, "warning", f"{faster.message}. Nothing of yours was sent; what you typed is kept.")
        return
    except (FlowbuilderError, NotEdited) as refused:
        _say(review, "error", str(refused))
        return
    _forget(review)
    if decided.decision is None:
        left = max(1, review.request.assign.quorum - len(decided.approvals))
        _toast(f"Your approval is noted; {left} more needed · {review.request.title}")
    else:
        _toast(f"{DONE[kind]} · {review.request.title}")
    seen.listed.go_on(review.id)


def _claim(app: App, review: Review, me: str) -> None:
    _hush()
    try:
        if review.claimed_by == me:
            app.release(review.id, by=me)
        else:
            app.claim(review.id, by=me)
    except FlowbuilderError as refused:
        _say(review, "warning", f"{refused.message}.")


def _toggle_edit(app: App, review: Review, me: str) -> None:
    key = f"fb:editing:{review.id}"
    st.session_state[key] = not st.session_state.get(key)
    if not st.session_state[key]:
        return
    st.session_state.setdefault(_edit(review), as_text(review.request.proposal))
    if review.claimed_by != me:
        _claim(app, review, me)  # others see that someone is at it


def _forget(review: Review) -> None:
    for key in (_comment(review), _edit(review), f"fb:editing:{review.id}"):
        st.session_state.pop(key, None)


def _say(review: Review, tone: str, text: str) -> None:
    st.session_state[_MESSAGE] = (review.id, tone, text)


def _hush() -> None:
    st.session_state.pop(_MESSAGE, None)


def _told(review: Review) -> bool:
    return bool(st.session_state.get(_MESSAGE, ("",))[0] == review.id)


def _said(review: Review) -> None:
    """What the last attempt came to: shown until the next one, or until the person turns to another review. What others
    do meanwhile draws the page anew, and must not take it away."""
    if not _told(review):
        _hush()
        return
    _, tone, text = st.session_state[_MESSAGE]
    tell(text, warning=tone == "warning")


def _toast(text: str) -> None:
    st.session_state.setdefault("fb:toasts", []).append(text)
