"""Who is asking: whom a trusted proxy names, or the local user of a server that only this machine reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowbuilder.devstack.probes import is_loopback

LOCAL_USER = "dev@localhost"
KEY = "email"
"""Under which name Streamlit's `server.trustedUserHeaders` has to keep the person: `{"X-Forwarded-Email": "email"}`."""


class NotSignedIn(Exception):
    """Nobody is named; the message says what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who is looking at a page. `local` when nobody signed in, because the server only listens to this machine."""

    name: str
    local: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessPolicy:
    """How people come in: the header that a proxy names them in, if any; the address that the server listens on; the
    host names under which it may be asked for; and who decides where nobody signs in."""

    header: str | None
    address: str
    hosts: tuple[str, ...] = ()
    local_user: str = LOCAL_USER

    def person(self, named: str | None) -> Person:
        """The person behind a request. `named` is what the proxy's header says."""
        if self.header:
            if not named or not named.strip():
                raise NotSignedIn("the proxy named nobody: sign in through it, or check server.trustedUserHeaders")
            return Person(name=named.strip(), local=False)
        if not is_loopback(self.address):
            where = self.address or "all addresses"
            raise NotSignedIn(
                f"the server listens on {where} and nobody signs in: listen on 127.0.0.1, "
                "or put a proxy in front that signs people in and set server.trustedUserHeaders"
            )
        return Person(name=self.local_user, local=True)

    def admits(self, headers: Mapping[str, str]) -> Person:
        """The person behind a request to one of our own routes, by its headers (names in lower case).

        `NotSignedIn` also for a host name that is not the server's own, and for what another site's page asks.
        """
        if self.hosts and not _known(headers.get("host", ""), self.hosts):
            raise NotSignedIn("this server is not known by that name")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise NotSignedIn("another site's page asked")
        return self.person(headers.get(self.header.lower()) if self.header else None)


def header_of(mapping: object) -> str | None:
    """The header that names the person in Streamlit's `server.trustedUserHeaders`; None when none does."""
    if not isinstance(mapping, Mapping) or not mapping:
        return None
    return next((str(header) for header, key in mapping.items() if key == KEY), "(no header gives an email)")


def _known(host: str, hosts: tuple[str, ...]) -> bool:
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".") in {each.lower() for each in hosts}
