"""What frames a page: its heading, the notice of local mode, messages, and what is said where there is nothing."""

from __future__ import annotations

import streamlit as st

from flowbuilder.errors import FlowbuilderError
from review_app.identity import Person
from review_app.markdown_escape import escaped

LONGEST = 1_000
"""Characters of a message that are shown."""


def show(markup: str) -> None:
    """Draw HTML that was made here: every text in it has gone through `escaped`."""
    if markup:
        st.html(markup)


def banner(who: Person) -> None:
    """Who decides here, and that nobody had to sign in for it."""
    if who.local:
        show(
            f'<div class="fb-banner" title="This server only listens to this machine, so nobody has to sign in">'
            f'<span class="fb-chip fb-amber">local mode</span> you decide as <b>{escaped(who.name)}</b></div>'
        )
    else:
        show(f'<div class="fb-banner">signed in as <b>{escaped(who.name)}</b></div>')


def heading(title: str, below: str = "", *, beside: str = "") -> None:
    """A page's title. `below` and `beside` are HTML made here."""
    under = f'<div class="fb-sub">{below}</div>' if below else ""
    show(f'<div class="fb-heading"><div class="fb-title">{escaped(title)}{beside}</div>{under}</div>')


def section(title: str, beside: str = "") -> None:
    """A heading inside a page. `beside` is HTML made here."""
    show(f'<div class="fb-section">{escaped(title)}<span class="fb-beside">{beside}</span></div>')


def problem(title: str, failure: FlowbuilderError) -> None:
    """What went wrong, in the words of the error."""
    show(f'<div class="fb-failure" role="alert"><b>{escaped(title)}.</b> {escaped(failure.message[:LONGEST])}</div>')


def tell(text: str, *, warning: bool = False) -> None:
    """What went wrong, or as a warning: what a person should know before they go on."""
    kind = "fb-warning" if warning else "fb-failure"
    show(f'<div class="{kind}" role="alert">{escaped(text[:LONGEST])}</div>')


def empty(title: str, text: str, commands: tuple[str, ...] = ()) -> None:
    """What stands where there is nothing yet: what would be here, and how to get it."""
    with st.container(key=f"fb-empty-{''.join(filter(str.isalnum, title.lower()))}"):
        show(
            f'<div class="fb-empty"><div class="fb-empty-title">{escaped(title)}</div><div>{escaped(text)}</div></div>'
        )
        for line in commands:
            st.code(line, language="bash")
