"""The comment box and the editor of a review. What is typed is a draft in the store until it is decided."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import Conflict, FlowbuilderError
from flowbuilder.model.review import Review
from flowbuilder.model.review_draft import Draft
from flowbuilder.values import Json, NotJson, ensure_json
from review_app.fields import as_text, is_structured
from review_app.widgets.page_frame import alert, show
from review_app.widgets.painted import save_while_typing, window


class InvalidEdit(ValueError):
    """The edit is not a valid value of the proposal's type; the message says why."""


def draft_of(app: App, review: Review, me: str) -> Draft:
    """The stored draft of this user; an empty one when there is none. Without `editing` where no edit is possible."""
    stored = app.store.draft(review.id, me) or Draft(review_id=review.id, by=me, content_hash=review.content_hash)
    return stored if review.request.may_edit else replace(stored, editing=False)


def comment_box(review: Review, draft: Draft, *, disabled: bool = False) -> None:
    """Draw the comment box, from the draft unless this session has drawn it already."""
    key = comment_key(review)
    if key not in st.session_state:
        _set_drawn(review, draft)
        st.session_state[key] = draft.comment
    st.text_area(
        "Comment", key=key, height=68, label_visibility="collapsed", disabled=disabled,
        placeholder="Comment (required to reject or request changes)",
    )  # fmt: skip


def editor(review: Review, draft: Draft) -> Json:
    """Draw the editor, from the draft or the proposal; returns the edited value, None while it is not valid."""
    key = edit_key(review)
    if key not in st.session_state:
        _set_drawn(review, draft)
        st.session_state[key] = as_text(review.request.proposal) if draft.edit is None else draft.edit
    if draft.edit is not None and draft.content_hash not in ("", review.content_hash):
        show('<div class="fb-note">You began this edit before the proposal changed. Compare it again.</div>')
    text = st.text_area(
        "Edit the proposal" + (" (JSON)" if is_structured(review.request.proposal) else ""),
        key=key, height=420, help="Approving approves exactly this text.",
    )  # fmt: skip
    try:
        return read_edit(review, text or "")
    except InvalidEdit as wrong:
        alert(str(wrong), warning=True)
        return None


def keep_saved(app: App, review: Review, draft: Draft, me: str) -> None:
    """Have the browser save what is typed, and draw the stored draft when it asks for it."""
    save_while_typing(review, draft, partial(_load, app, review, me))


def toggle(app: App, review: Review, me: str) -> bool:
    """Open or close the editor; whether it is open now. A closed editor keeps its text. Raises `FlowbuilderError`."""
    stored = draft_of(app, review, me)
    typed = typed_edit(review, stored)
    edit = as_text(review.request.proposal) if typed is None else typed
    content_hash = review.content_hash if stored.edit is None else stored.content_hash
    saved = app.store.save_draft(
        replace(stored, edit=edit, editing=not stored.editing, window=window(), content_hash=content_hash)
    )
    _set_drawn(review, saved)
    return saved.editing


def keep_edit(app: App, review: Review, me: str, edited: Json) -> None:
    """Store an edit as the user's draft, with the editor open. Raises `FlowbuilderError`."""
    stored = draft_of(app, review, me)
    kept = replace(stored, edit=as_text(edited), editing=True, content_hash=review.content_hash)
    app.store.save_draft(replace(kept, window=window()))


def typed_comment(review: Review, draft: Draft) -> str:
    """The comment as this session has it; that of the draft before the box is drawn."""
    return str(st.session_state.get(comment_key(review), draft.comment) or "")


def typed_edit(review: Review, draft: Draft) -> str | None:
    """The edit as this session has it; that of the draft while the editor is not drawn; None without either."""
    typed = st.session_state.get(edit_key(review))
    return draft.edit if typed is None else str(typed)


def changed_elsewhere(review: Review, draft: Draft) -> bool:
    """Whether another window has changed the draft since this one drew it."""
    return draft.window not in ("", window()) and draft.revision != st.session_state.get(_drawn_key(review), 0)


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


def loss(proposal: Json, edited: Json) -> str:
    """What an edit drops, as a sentence, when it empties a text of the proposal or drops more than half of the
    proposal; else empty."""
    old, new = as_text(proposal).strip(), as_text(edited).strip()
    if old and not new:
        return "Your edit is empty: it drops the whole text."
    emptied = [place for place, text in _texts(proposal).items() if text.strip() and not _kept(place, edited)]
    if emptied:
        return f"Your edit empties {', '.join(emptied[:3])}{' and more' if len(emptied) > 3 else ''}."
    if 2 * len(new) < len(old):
        return f"Your edit drops more than half of the text: {len(new):,} of {len(old):,} characters are left."
    return ""


def clear(review: Review) -> None:
    """Forget what this session has drawn: the boxes are drawn from the store again."""
    for key in (comment_key(review), edit_key(review), _drawn_key(review)):
        st.session_state.pop(key, None)


def comment_key(review: Review) -> str:
    """The key of the comment box."""
    return f"fb:comment:{review.id}"


def edit_key(review: Review) -> str:
    """The key of the editor."""
    return f"fb:edit:{review.id}"


def _load(app: App, review: Review, me: str) -> None:
    try:
        draft = draft_of(app, review, me)
    except (Conflict, FlowbuilderError):
        return  # the page that is drawn next reports it
    _set_drawn(review, draft)
    st.session_state[comment_key(review)] = draft.comment
    if draft.edit is not None:
        st.session_state[edit_key(review)] = draft.edit


def _drawn_key(review: Review) -> str:
    return f"fb:drawn:{review.id}"


def _set_drawn(review: Review, draft: Draft) -> None:
    st.session_state[_drawn_key(review)] = draft.revision


def _texts(value: Json, place: str = "") -> dict[str, str]:
    """The texts inside a structured value, by place."""
    if isinstance(value, dict):
        parts = [(f"{place}.{name}" if place else name, item) for name, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{place}[{index}]", item) for index, item in enumerate(value)]
    else:
        return {place: value} if isinstance(value, str) and place else {}
    found: dict[str, str] = {}
    for where, item in parts:
        found |= _texts(item, where)
    return found


def _kept(place: str, edited: Json) -> bool:
    return bool(_texts(edited).get(place, "").strip())
