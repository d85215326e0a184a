"""What every page needs: the application, who is looking, the time, and where other pages are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.navigation.page import Page

from flowbuilder import bootstrap
from flowbuilder.app import App
from flowbuilder.errors import ConfigurationError
from review_app.background import BackgroundEngine
from review_app.identity import KEY, LOCAL_USER, AccessPolicy, NotSignedIn, Person, header_of

_PAGES = "fb:pages"


@st.cache_resource(show_spinner=False)
def flow_app() -> App:
    """The application, one per server process."""
    app = bootstrap.open_app()
    return App(app.store, BackgroundEngine(app.engine), app.settings, plans=app.plans)


def door() -> AccessPolicy:
    """How people come in, by the server's settings."""
    return AccessPolicy(
        header=header_of(st.get_option("server.trustedUserHeaders")),
        address=str(st.get_option("server.address") or ""),
        hosts=tuple(st.get_option("server.allowedHosts") or ()),
        local_user=bootstrap.settings().user or LOCAL_USER,
    )


def person() -> Person:
    """The person of this session; `ConfigurationError` where nobody is named and others than this machine could ask."""
    named = st.user.get(KEY)
    try:
        return door().person(str(named) if named else None)
    except NotSignedIn as refusal:
        raise ConfigurationError(str(refusal)) from None


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def zone() -> tzinfo:
    """The time zone of the person's browser, UTC where it is not known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def set_pages(pages: Mapping[str, Page]) -> None:
    """Remember the pages of this run by name, for links."""
    st.session_state[_PAGES] = dict(pages)


def page(name: str) -> Page:
    """A page by name: home, review, executions, run or workflows."""
    found: Page = st.session_state[_PAGES][name]
    return found
