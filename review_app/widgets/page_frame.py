"""Common elements of pages: headings, the user banner, alerts, empty states and clickable rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from flowbuilder.errors import FlowbuilderError
from review_app.identity import Person
from review_app.markdown_escape import escaped, label

MAX_ALERT_LENGTH = 1_000
"""The most characters shown of an alert."""


def show(markup: str) -> None:
    """Draw HTML. The caller has passed every text in it through `escaped`."""
    if markup:
        st.html(markup)


def banner(who: Person) -> None:
    """Draw the name of the user, with a notice in local mode."""
    if who.local:
        show(
            f'<div class="fb-banner" title="Only this machine can reach this server, so no sign-in is needed">'
            f'<span class="fb-chip fb-amber">Local mode</span> You are <b>{escaped(who.name)}</b></div>'
        )
    else:
        show(f'<div class="fb-banner">Signed in as <b>{escaped(who.name)}</b></div>')


def heading(title: str, below: str = "", *, beside: str = "", classes: str = "") -> None:
    """Draw the title of a page. `below` and `beside` are HTML."""
    under = f'<div class="fb-sub">{below}</div>' if below else ""
    names = f"fb-heading {classes}".strip()
    show(f'<div class="{names}"><div class="fb-title">{escaped(title)}{beside}</div>{under}</div>')


def section(title: str, beside: str = "") -> None:
    """Draw a heading inside a page. `beside` is HTML."""
    show(f'<div class="fb-section">{escaped(title)}<span class="fb-beside">{beside}</span></div>')


def show_error(title: str, failure: FlowbuilderError) -> None:
    """Draw an error as an alert with a title."""
    message = failure.message[:MAX_ALERT_LENGTH]
    show(f'<div class="fb-failure" role="alert"><b>{escaped(title)}:</b> {escaped(message)}</div>')


def alert(text: str, *, warning: bool = False) -> None:
    """Draw an error, or a warning, as an alert."""
    kind = "fb-warning" if warning else "fb-failure"
    show(f'<div class="{kind}" role="alert">{escaped(text[:MAX_ALERT_LENGTH])}</div>')


def empty_state(title: str, text: str, commands: tuple[str, ...] = ()) -> None:
    """Draw an empty state: a title, an explanation, and commands to copy."""
    with st.container(key=f"fb-empty-{''.join(filter(str.isalnum, title.lower()))}"):
        show(
            f'<div class="fb-empty"><div class="fb-empty-title">{escaped(title)}</div><div>{escaped(text)}</div></div>'
        )
        for command in commands:
            st.code(command, language="bash")


def row(
    key: str,
    markup: str,
    *,
    name: str,
    selected: bool = False,
    on_click: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
) -> bool:
    """Draw HTML as a clickable row: a transparent button lies over it, so that it works with the keyboard too.

    `name` is the button's label for screen readers. Returns whether it was clicked.
    """
    kind = "fbon" if selected else "fbrow"
    with st.container(key=f"{kind}-{key}", gap=None):
        show(markup)
        return st.button(label(name, 120), key=f"row:{key}", on_click=on_click, args=args, width="stretch")
