"""ASGI middleware: pages of other origins reach no websocket and change nothing, and only the proxy names users."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from flowbuilder.devstack.probes import is_loopback
from review_app.identity import IGNORED_HEADER, is_known_host

logger = logging.getLogger(__name__)

SECRET_HEADER = "x-flowbuilder-proxy-secret"  # noqa: S105 (a name)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FORWARDED_VARIABLE = "FORWARDED_ALLOW_IPS"
"""The environment variable that names the clients whose X-Forwarded-For uvicorn believes. Unless it is empty, the
address of a request may be one that the client made up."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_LOGGED = 20

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class GuardRules:
    """`public_url` is the app's address for browsers, `hosts` the accepted host names. A proxy is known by `secret` (in
    `SECRET_HEADER`) or by its address, in `networks`; it names users in `user_headers` (in lower case)."""

    public_url: str
    hosts: tuple[str, ...] = ()
    user_headers: tuple[str, ...] = ()
    secret: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def allows_origin(self, origins: list[str], host: str, scheme: str) -> bool:
        """Whether a request to `host` by `scheme` (http or https) comes from a page of this app: its public origin, or
        the same origin as the request's."""
        origin = normalized_origin(origins[0]) if len(origins) == 1 else None
        if origin is None:
            return False
        if origin == normalized_origin(self.public_url):
            return True
        own, public = normalized_origin(f"{scheme}://{host}"), urlsplit(self.public_url).hostname or ""
        if own is not None and urlsplit(own).hostname == public and not is_loopback(public):
            return False  # another port or scheme of the public host, such as http in place of https
        return origin == own and (not self.hosts or is_known_host(host, self.hosts))

    def distrust(self, headers: Headers, peer: str | None) -> str:
        """The reason why the user headers of a request are ignored; empty when they count."""
        names = [name.decode("latin-1") for name, _ in headers]
        if any(names.count(header) > 1 for header in self.user_headers):
            return "the request names its user more than once: the proxy must replace the header, not add one"
        if not self.secret and not self.networks:
            return "no proxy is known to the server: set FLOWBUILDER_PROXY_SECRET or FLOWBUILDER_PROXY_ADDRESSES"
        given = [value for name, value in headers if name.decode("latin-1") == SECRET_HEADER]
        if self.secret and len(given) == 1 and hmac.compare_digest(given[0], self.secret.encode()):
            return ""
        if peer is not None and _is_in(peer, self.networks):
            return ""
        return "the request did not come from the proxy: check FLOWBUILDER_PROXY_SECRET and FLOWBUILDER_PROXY_ADDRESSES"


class RequestGuard:
    """Refuses requests of other origins, and takes user headers that do not come from the proxy out of a request."""

    def __init__(self, app: ASGIApp, rules: Callable[[], GuardRules]) -> None:
        self.app = app
        self._rules = rules
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        rules = self._rules()
        headers: Headers = list(scope["headers"])
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
        if scope["type"] == "websocket":
            allowed = rules.allows_origin(origins, host, "https" if scope.get("scheme") == "wss" else "http")
            if not allowed:
                self._log(origins)
                await send({"type": "websocket.close", "code": 1008})
                return
        changes = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if changes and origins and not rules.allows_origin(origins, host, scope.get("scheme", "http")):
            self._log(origins)
            await PlainTextResponse("requests of other origins are refused", 403)(scope, receive, send)
            return
        await self.app({**scope, "headers": _checked(headers, rules, _peer(scope, headers))}, receive, send)

    def _log(self, origins: list[str]) -> None:
        said = repr(origins[0] if origins else None)[:200]
        if said not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(said)
            remedy = "if that is the address of this app, set FLOWBUILDER_REVIEW_URL"
            logger.warning("a connection from the origin %s was refused; %s", said, remedy)


def normalized_origin(url: str) -> str | None:
    """`scheme://host[:port]` in lower case and without the default port; None when it is no http origin."""
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not name or parts.username is not None or parts.password is not None:
        return None
    shown = f"[{name}]" if ":" in name else name
    return f"{scheme}://{shown}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def _checked(headers: Headers, rules: GuardRules, peer: str | None) -> Headers:
    """The headers without those that only the proxy or this guard may set."""
    reason = rules.distrust(headers, peer) if rules.user_headers else ""
    removed = {SECRET_HEADER, IGNORED_HEADER, *(rules.user_headers if reason else ())}
    kept = [(name, value) for name, value in headers if name.decode("latin-1") not in removed]
    return [*kept, (IGNORED_HEADER.encode(), reason.encode("latin-1"))] if reason else kept


def _peer(scope: Scope, headers: Headers) -> str | None:
    """The address of the other end of the connection; None when it may have been made up."""
    forwarded = any(name in (b"x-forwarded-for", b"forwarded") for name, _ in headers)
    if forwarded and os.environ.get(FORWARDED_VARIABLE) != "":
        return None
    client = scope.get("client")
    return str(client[0]) if client else None


def _is_in(peer: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(address in network or (mapped is not None and mapped in network) for network in networks)
