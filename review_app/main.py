"""The entry script: style, navigation, and the page for a store that cannot be reached."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from flowbuilder.errors import FlowbuilderError
from review_app import session
from review_app.markdown_escape import escaped, label
from review_app.sign_in import SignInNeeded
from review_app.views import executions, home, review, run, workflows
from review_app.widgets.page_frame import banner, show, show_error

URL_PATHS = ("review", "executions", "run", "workflows")
"""The URL paths of the pages other than home."""


def main() -> None:
    """Draw the requested page."""
    st.set_page_config(page_title="flowbuilder", page_icon="🔁", layout="wide")
    st.html(Path(__file__).with_name("style.css"))
    st.logo(str(Path(__file__).with_name("logo.svg")), size="large")
    try:
        waiting = sum(session.flow_app().pending_counts().values())
        who = session.person()
    except SignInNeeded as needed:
        _ask_to_sign_in(needed)
        return
    except FlowbuilderError as failure:
        _cannot_start(failure)
        return
    pages = {
        "home": st.Page(home.view, title="Home", default=True),
        "review": st.Page(review.view, title=f"Review ({waiting:,})" if waiting else "Review", url_path="review"),
        "executions": st.Page(executions.view, title="Executions", url_path="executions"),
        "run": st.Page(run.view, title="Run", url_path="run"),
        "workflows": st.Page(workflows.view, title="Workflows", url_path="workflows"),
    }
    session.set_pages(pages)
    chosen = st.navigation(list(pages.values()), position="top")
    for text in st.session_state.pop("fb:toasts", []):
        st.toast(label(text))
    try:
        chosen.run()
    except FlowbuilderError as failure:
        show_error("Something went wrong", failure)
    banner(who)
    if session.signs_in() and st.button("Sign out", key="fb:sign-out"):
        st.logout()


def _ask_to_sign_in(needed: SignInNeeded) -> None:
    _empty_pages()
    show(f"<p>{escaped(needed)}</p>")
    if st.button("Sign in", type="primary", key="fb:sign-in"):
        st.login()


def _empty_pages() -> None:
    """Make every URL known, so that a link to a review works again once the cause is gone."""
    pages = [st.Page(lambda: None, title="flowbuilder", default=True)]
    pages += [st.Page(lambda: None, title="flowbuilder", url_path=path) for path in URL_PATHS]
    st.navigation(pages, position="hidden")


def _cannot_start(failure: FlowbuilderError) -> None:
    _empty_pages()
    show_error("The review app cannot start", failure)
    if session.signs_in() and st.user.get("is_logged_in") and st.button("Sign out", key="fb:sign-out"):
        st.logout()
    if st.button("Try again", type="primary"):
        st.rerun()


main()
