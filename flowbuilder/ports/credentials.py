"""The credentials of a connection, and the origins that they may be sent to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.url import Origin, origin_of

_OAUTH2 = frozenset({"token_url", "client_id", "client_secret", "scope", "audience", "send_in"})


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """A client of an OAuth2 token server, which gets its tokens by the grant `client_credentials`."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""
    send_in: Literal["header", "body"] = "header"
    """Where id and secret are sent: as basic authentication, or in the form."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Headers and parameters of the query that are sent to certain origins and to no other. Each request asks with its
    own URL. With `client`, a token is asked for and sent as well."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    client: ClientCredentials | None = None
    origins: frozenset[Origin] = frozenset()

    def may_be_sent_to(self, url: str) -> bool:
        """Whether the URL's scheme, host and port are those of one of the origins."""
        return origin_of(url) in self.origins

    def headers_for(self, url: str) -> Mapping[str, str]:
        """The headers for a request to this URL; none where they may not be sent."""
        return self.headers if self.headers and self.may_be_sent_to(url) else {}

    def query_for(self, url: str) -> Mapping[str, str]:
        """The parameters for a request to this URL; none where they may not be sent."""
        return self.query if self.query and self.may_be_sent_to(url) else {}

    def client_for(self, url: str) -> ClientCredentials | None:
        """The client whose token is sent to this URL; None where there is none, or none may be sent."""
        return self.client if self.client is not None and self.may_be_sent_to(url) else None


def credentials_of(connection: Mapping[str, Any]) -> Credentials:
    """The credentials of a connection: `token`, `username` and `password`, `headers`, `query`, or `oauth2`.

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
    query = {str(name): str(value) for name, value in dict(connection.get("query") or {}).items()}
    client = _client(connection["oauth2"]) if connection.get("oauth2") else None
    return Credentials(headers=headers, query=query, client=client, origins=frozenset(_origins(places)))


def bound_to(url: str, headers: Mapping[str, str]) -> Credentials:
    """Headers that are sent to the origin of this URL only; `ConfigurationError` when it is not a URL."""
    return Credentials(headers=headers, origins=frozenset(_origins([url])))


def basic(username: str, password: str) -> str:
    """The value of an `Authorization` header for basic authentication."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _client(given: Any) -> ClientCredentials:
    if not isinstance(given, Mapping):
        raise ConfigurationError("oauth2 of the connection is {token_url, client_id, client_secret}")
    unknown = sorted(set(map(str, given)) - _OAUTH2)
    if unknown:
        raise ConfigurationError(f"oauth2 of the connection has no {unknown[0]}; it has {', '.join(sorted(_OAUTH2))}")
    missing = [name for name in ("token_url", "client_id", "client_secret") if not given.get(name)]
    if missing:
        raise ConfigurationError(f"oauth2 of the connection needs {' and '.join(missing)}")
    where = given.get("send_in", "header")
    if where not in ("header", "body"):
        raise ConfigurationError(f"send_in of the connection's oauth2 is header or body, not {where!r:.40}")
    scope = given.get("scope") or ""
    token_url = str(given["token_url"])
    tuple(_origins([token_url]))  # raises where it is no URL
    return ClientCredentials(
        token_url=token_url,
        client_id=str(given["client_id"]),
        client_secret=str(given["client_secret"]),
        scope=" ".join(map(str, scope)) if isinstance(scope, list) else str(scope),
        audience=str(given.get("audience") or ""),
        send_in=where,
    )


def _origins(places: Iterable[str]) -> Iterable[Origin]:
    for place in places:
        try:
            yield origin_of(place)
        except StepError as problem:
            raise ConfigurationError(f"the address of the connection cannot be used: {problem}") from None
