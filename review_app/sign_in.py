"""Sign-in by an OpenID Connect provider, with Streamlit's `st.login`: who is signed in, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from review_app.identity import NotSignedIn, Person

CLOCK_SKEW = timedelta(minutes=5)
"""By how much the provider's clock may be ahead of this one."""


class SignInNeeded(NotSignedIn):
    """The user is not signed in, or no longer; signing in helps."""


def is_configured() -> bool:
    """Whether Streamlit's secrets have a section `auth`."""
    from streamlit.auth_util import get_secrets_auth_section

    return bool(get_secrets_auth_section())


def signed_in(claims: Mapping[str, Any], now: datetime, lasts: timedelta) -> Person:
    """The person whom these claims of an ID token name, by an e-mail address that the provider has verified.

    `SignInNeeded` when the user is not signed in, or since longer than `lasts`; `NotSignedIn` when the claims name no
    person.
    """
    if not claims.get("is_logged_in"):
        raise SignInNeeded("Sign in to see and decide reviews.")
    issued = claims.get("iat")
    age = now.timestamp() - issued if isinstance(issued, int | float) and not isinstance(issued, bool) else None
    if age is None or age > lasts.total_seconds() or age < -CLOCK_SKEW.total_seconds():
        raise SignInNeeded("Your sign-in has expired. Sign in again.")
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise NotSignedIn("the identity provider names no e-mail address; the scope `email` is needed")
    if claims.get("email_verified") is not True and claims.get("email_verified") != "true":
        raise NotSignedIn(f"the identity provider has not verified the e-mail address {email.strip()}")
    return Person(name=email.strip(), local=False)


def claims_of(request: Request) -> dict[str, Any]:
    """The claims in the signed cookie of a request to one of the app's own routes; empty without a valid one."""
    import json

    from streamlit.auth_util import get_origin_from_redirect_uri
    from streamlit.web.server.starlette.starlette_auth_routes import _get_cookie_value_from_request
    from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

    try:
        found = json.loads(_get_cookie_value_from_request(request, USER_COOKIE_NAME) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("origin") == get_origin_from_redirect_uri() else {}
