"""Presence: who else has the page of a review open now."""

from __future__ import annotations

import time

import streamlit as st

from flowbuilder.app import App
from flowbuilder.model.reviewers import person
from review_app.markdown_escape import escaped
from review_app.widgets.painted import window

HEARTBEAT_SECONDS = 9.0
"""Seconds between two heartbeats of a page, at least. The page's timer adds up to five."""
_LAST = "fb:heartbeat"
MAX_NAMED = 3


def heartbeat(app: App, review_id: str, me: str, *, editing: bool) -> None:
    """Record that this user has this review open, unless that was done a moment ago."""
    now, state = time.monotonic(), (review_id, editing)
    last, at = st.session_state.get(_LAST, (None, 0.0))
    if last == state and now - at < HEARTBEAT_SECONDS:
        return
    app.store.mark_present(window(), review_id, me, editing=editing)
    st.session_state[_LAST] = (state, now)


def others(app: App, review_id: str, me: str) -> str:
    """The other users who have this review open, as HTML; empty without any."""
    present = [each for each in app.store.presence(review_id) if person(each.by) != person(me)]
    if not present:
        return ""
    present.sort(key=lambda each: not each.editing)
    named = [
        f"<b>{escaped(each.by)}</b> is {'editing' if each.editing else 'looking at'} this now"
        for each in present[:MAX_NAMED]
    ]
    more = f" · {len(present) - MAX_NAMED} more" if len(present) > MAX_NAMED else ""
    return f'<div class="fb-presence" role="status">{" · ".join(named)}{more}</div>'
