"""The credentials of a connection, and the origins that they may be sent to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.url import Origin, origin_of


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Headers that are sent to certain origins and to no other. Each request asks with its own URL."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: frozenset[Origin] = frozenset()

    def may_be_sent_to(self, url: str) -> bool:
        """Whether the URL's scheme, host and port are those of one of the origins."""
        return origin_of(url) in self.origins

    def headers_for(self, url: str) -> Mapping[str, str]:
        """The headers for a request to this URL; none where they may not be sent."""
        return self.headers if self.headers and self.may_be_sent_to(url) else {}


def credentials_of(connection: Mapping[str, Any]) -> Credentials:
    """The credentials of a connection: `token`, `username` and `password`, or `headers`.

    They may be sent to the origin of `base_url` (or `url`), and to the `hosts` of the connection: a host stands for
    `https` on its usual port, everything else is written as an origin (`http://localhost:8080`). `ConfigurationError`
    when there is neither, or one of them is not a URL.
    """
    if not connection:
        return Credentials()
    base = str(connection.get("base_url") or connection.get("url") or "")
    hosts = [str(host) for host in connection.get("hosts") or ()]
    if not base and not hosts:
        raise ConfigurationError("a connection with credentials needs a base_url or hosts, to which they may be sent")
    places = [*([base] if base else []), *(host if "://" in host else f"https://{host}" for host in hosts)]
    headers = {str(name): str(value) for name, value in dict(connection.get("headers") or {}).items()}
    if connection.get("token"):
        headers["authorization"] = f"Bearer {connection['token']}"
    elif connection.get("username"):
        headers["authorization"] = basic(str(connection["username"]), str(connection.get("password", "")))
    return Credentials(headers=headers, origins=frozenset(_origins(places)))


def bound_to(url: str, headers: Mapping[str, str]) -> Credentials:
    """Headers that are sent to the origin of this URL only; `ConfigurationError` when it is not a URL."""
    return Credentials(headers=headers, origins=frozenset(_origins([url])))


def basic(username: str, password: str) -> str:
    """The value of an `Authorization` header for basic authentication."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _origins(places: Iterable[str]) -> Iterable[Origin]:
    for place in places:
        try:
            yield origin_of(place)
        except StepError as problem:
            raise ConfigurationError(f"the address of the connection cannot be used: {problem}") from None
