"""Ties presses to what is painted: tokens of drawn reviews, containers of guarded buttons, and the browser's part."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from flowbuilder.model.review import Review
from flowbuilder.model.review_draft import Draft
from flowbuilder.values import digest
from review_app import session

_FOLDER = Path(__file__).parent.parent
_GUARD = st.components.v2.component("flowbuilder.guard", js=(_FOLDER / "guard.js").read_text(encoding="utf-8"))
_DRAFTS = st.components.v2.component(
    "flowbuilder.drafts",
    html='<div class="fb-draft-line"></div>',
    js=(_FOLDER / "drafts.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def token_of(review: Review, *more: object) -> str:
    """Identifies a review as it is drawn: its id, version and content, and `more`. The buttons that are drawn for it
    have keys of this token, so that a press of theirs is never taken for a press on another review or version."""
    return digest([review.id, review.version, review.content_hash, *map(str, more)])[:20]


def guarded(token: str) -> DeltaGenerator:
    """A row of buttons that the browser arms only once they are painted."""
    return st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"fb-press-{token}")


def button(
    label: str,
    name: str,
    token: str,
    on_click: Callable[..., None],
    args: tuple[Any, ...],
    *,
    type: Literal["primary", "secondary", "tertiary"] = "secondary",
    disabled: bool = False,
    help: str | None = None,
) -> None:
    """A button of a `guarded` row; its key is `name:token`. guard.js presses it by keyboard."""
    with st.container(key=name, width="content"):
        st.button(
            label, key=f"{name}:{token}", type=type, disabled=disabled, help=help,
            on_click=on_click, args=args,
        )  # fmt: skip


def heading_classes(review: Review) -> str:
    """The classes by which the browser recognises the heading of a review."""
    return f"fb-item-{review.id} fb-of-{token_of(review)}"


def guard(review: Review | None, held: Review | None) -> None:
    """Have the browser guard the buttons of the drawn review, and hide the undo button when its time is over."""
    until = held.decision.held_until if held is not None and held.decision is not None else None
    undo_ms = max(0, round((until - session.now()).total_seconds() * 1000)) if until is not None else 0
    _GUARD(key="fb-guard", data={"token": token_of(review) if review else "", "undo_ms": undo_ms}, height="content")


def save_while_typing(review: Review, draft: Draft, on_load: Callable[[], None]) -> None:
    """Have the browser save the comment and the edit of this review; it calls `on_load` to have them drawn anew."""
    data = {
        "review": review.id,
        "by": draft.by,
        "revision": draft.revision,
        "window": window(),
        "hash": review.content_hash,
    }
    _DRAFTS(key="fb-drafts", data=data, on_load_change=on_load, height="content")


def window() -> str:
    """Identifies the browser window of this session."""
    found: str = st.session_state.setdefault("fb:window", secrets.token_hex(16))
    return found
