"""Identity and permission: the user of a request, and whether they may decide a review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowbuilder.app import App
from flowbuilder.devstack.probes import is_loopback
from flowbuilder.diagnostics import count
from flowbuilder.errors import NotFound
from flowbuilder.model.review import Review
from flowbuilder.model.reviewers import assigned_to, name_problem, person

LOCAL_USER = "dev@localhost"
KEY = "email"
"""The key of the user in Streamlit's `server.trustedUserHeaders`: `{"X-Forwarded-Email": "email"}`."""
IGNORED_HEADER = "x-flowbuilder-ignored"
"""The header in which the request guard says why it has taken the user's header out of a request."""


class NotSignedIn(Exception):
    """The request has no acceptable user; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """The user of a page. `local` without sign-in, on a server that only this machine can reach."""

    name: str
    local: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessPolicy:
    """The rules by which users are identified: the proxy's user header (None without a proxy), the address that the
    server listens on, its accepted host names, and the local user for a server without sign-in."""

    header: str | None
    address: str
    hosts: tuple[str, ...] = ()
    local_user: str = LOCAL_USER

    def person(self, named: str | None, *, ignored: str = "") -> Person:
        """The user of a request; `named` is the value of the proxy's header, and `ignored` the reason why the header
        was taken out of the request. Raises `NotSignedIn`."""
        if self.header:
            if ignored:
                raise NotSignedIn(f"the header {self.header} was ignored: {ignored}")
            if not named or not named.strip():
                raise NotSignedIn(
                    "the request names no user: sign in through the proxy, or check server.trustedUserHeaders"
                )
            name = named.strip(" \t")  # as HTTP does: the spaces around a value are not part of it
            if problem := name_problem(name):
                raise NotSignedIn(f"the user's name in the header {self.header} {problem}")
            return Person(name=name, local=False)
        if not is_loopback(self.address):
            where = self.address or "all addresses"
            raise NotSignedIn(
                f"the server listens on {where} without sign-in: listen on 127.0.0.1, "
                "or put a proxy that signs users in before it and set server.trustedUserHeaders"
            )
        return Person(name=self.local_user, local=True)

    def authorize(self, headers: Mapping[str, str]) -> Person:
        """The user of a request to one of the app's own routes, by its headers (names in lower case).

        Raises `NotSignedIn` also for an unknown host name and for cross-site requests.
        """
        self.ensure_same_site(headers)
        named = headers.get(self.header.lower()) if self.header else None
        return self.person(named, ignored=headers.get(IGNORED_HEADER, ""))

    def ensure_same_site(self, headers: Mapping[str, str]) -> None:
        """Raise `NotSignedIn` for an unknown host name and for a request of another site."""
        if self.hosts and not is_known_host(headers.get("host", ""), self.hosts):
            raise NotSignedIn("unknown host name")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise NotSignedIn("cross-site requests are refused")


def identity_header(mapping: object) -> str | None:
    """The user header in Streamlit's `server.trustedUserHeaders`; None when the option is empty.

    Without a header for `KEY`, a name that no request has: then all requests are refused.
    """
    if not isinstance(mapping, Mapping) or not mapping:
        return None
    return next((str(header) for header, key in mapping.items() if key == KEY), "(no header gives an email)")


def refusal_reason(app: App, review: Review, me: str) -> str:
    """The reason why this user may not decide this review, as a sentence; empty when they may. The store checks it
    again."""
    assign, reviewers = review.request.assign, app.reviewers(review)
    if reviewers.held:
        return f"{reviewers.held[:1].upper()}{reviewers.held[1:]}."
    if not reviewers.include(me):
        return f"Only {assigned_to(assign)} can decide this review. You are {me}."
    if assign.not_author and person(_author(app, review)) == person(me):
        return "You are the author of this workflow version, and authors cannot decide this review."
    if person(me) in {person(name) for name in review.approvals}:
        return f"You already approved this. {count(assign.quorum - len(review.approvals), 'more approval')} needed."
    return ""


def _author(app: App, review: Review) -> str:
    try:
        return app.version(review.workflow, app.execution(review.execution_id).version).author
    except NotFound:
        return ""


def is_known_host(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a Host header has one of these names, with any port."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".") in {each.lower() for each in hosts}
