"""What every page needs: the application, who is looking, the time, and where other pages are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.navigation.page import Page

from flowbuilder import bootstrap
from flowbuilder.app import App
from flowbuilder.errors import ConfigurationError

LOCAL_USER = "dev@localhost"
_PAGES = "fb:pages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who is looking at a page. `local` when nobody signed in, because the server only listens to this machine."""

    name: str
    local: bool


@st.cache_resource(show_spinner=False)
def flow_app() -> App:
    """The application, one per server process."""
    return bootstrap.open_app()


def person() -> Person:
    """The person of this session: whom a trusted proxy names, or the local user.

    Raises `ConfigurationError` where nobody is named and the server is not for this machine only.
    """
    if st.get_option("server.trustedUserHeaders"):
        email = st.user.get("email")
        if not email:
            raise ConfigurationError("the proxy named nobody: sign in through it, or check server.trustedUserHeaders")
        return Person(name=str(email), local=False)
    address = st.get_option("server.address")
    if address and not _loopback(str(address)):
        raise ConfigurationError(
            f"the server listens on {address} and nobody signs in: listen on 127.0.0.1, "
            "or put a proxy in front that signs people in and set server.trustedUserHeaders"
        )
    return Person(name=flow_app().settings.user or LOCAL_USER, local=True)


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


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
