"""Context of a page: the application, the user, the time and time zone, and the other pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from starlette.requests import Request
from streamlit.navigation.page import Page

from flowbuilder import bootstrap
from flowbuilder.app import App
from flowbuilder.errors import ConfigurationError
from review_app import sign_in
from review_app.background import BackgroundEngine
from review_app.identity import IGNORED_HEADER, KEY, LOCAL_USER, AccessPolicy, NotSignedIn, Person, identity_header
from review_app.request_guard import GuardRules

_PAGES = "fb:pages"


@st.cache_resource(show_spinner=False)
def flow_app() -> App:
    """The application, one per server process."""
    app = bootstrap.open_app()
    return App(app.store, BackgroundEngine(app.engine), app.settings, plans=app.plans)


def access_policy() -> AccessPolicy:
    """The access policy in the server's settings."""
    return AccessPolicy(
        header=identity_header(st.get_option("server.trustedUserHeaders")),
        address=str(st.get_option("server.address") or ""),
        hosts=tuple(st.get_option("server.allowedHosts") or ()),
        local_user=bootstrap.settings().user or LOCAL_USER,
    )


def guard_rules() -> GuardRules:
    """The rules of the request guard in the server's settings."""
    settings, mapping = bootstrap.settings(), st.get_option("server.trustedUserHeaders")
    return GuardRules(
        public_url=settings.review_url,
        hosts=tuple(st.get_option("server.allowedHosts") or ()),
        user_headers=tuple(str(name).lower() for name in mapping) if isinstance(mapping, Mapping) else (),
        secret=settings.proxy_secret,
        networks=settings.proxy_networks,
    )


def person() -> Person:
    """The user of this session. Raises `SignInNeeded` where signing in helps, and `ConfigurationError` when the access
    policy refuses the request for another reason."""
    named = st.user.get(KEY)
    try:
        if signs_in():
            return sign_in.signed_in(st.user.to_dict(), now(), sign_in_lasts())
        ignored = st.context.headers.get(IGNORED_HEADER, "")
        return access_policy().person(str(named) if named else None, ignored=ignored)
    except sign_in.SignInNeeded:
        raise
    except NotSignedIn as refusal:
        raise ConfigurationError(str(refusal)) from None


def signs_in() -> bool:
    """Whether users sign in here: an OpenID Connect provider is configured, and no proxy that names users."""
    return not st.get_option("server.trustedUserHeaders") and sign_in.is_configured()


def sign_in_lasts() -> timedelta:
    """The time after which a person has to sign in again."""
    return timedelta(hours=bootstrap.settings().sign_in_hours)


def authorize(request: Request) -> Person:
    """The user of a request to one of the app's own routes. Raises `NotSignedIn`."""
    policy = access_policy()
    if not signs_in():
        return policy.authorize(request.headers)
    policy.ensure_same_site(request.headers)
    return sign_in.signed_in(sign_in.claims_of(request), now(), sign_in_lasts())


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def zone() -> tzinfo:
    """The time zone of the browser; UTC when it is unknown."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def set_pages(pages: Mapping[str, Page]) -> None:
    """Store the pages of this script run by name, for links."""
    st.session_state[_PAGES] = dict(pages)


def page(name: str) -> Page:
    """A page by name: home, review, executions, run or workflows."""
    found: Page = st.session_state[_PAGES][name]
    return found
