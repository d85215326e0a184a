"""URLs that every parser reads alike, their origins, and patterns of hosts."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from urllib.parse import quote, unquote_plus, urljoin

from flowbuilder.errors import StepError

Address = IPv4Address | IPv6Address
Origin = tuple[str, str, int]
"""Scheme, host and port; the port is written out, so that `https://example.com` and `https://example.com:443` agree."""

PUBLIC = "public"
"""The word in a list of hosts that stands for every public host, and for no host of a private network."""
PRIVATE_NAMES = ("localhost", "local", "internal", "localdomain", "intranet", "lan", "home.arpa")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@]+)(?::(\d{1,5}))?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A parsed and checked URL. `host` is lower case, without brackets; `rest` is path and query, ASCII."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    rest: str

    @property
    def url(self) -> str:
        """The URL in a normal form that all parsers read alike; without a fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.rest}"

    @property
    def origin(self) -> Origin:
        """The origin: scheme, host and port."""
        return self.scheme, self.host, self.port


def parse(url: str) -> Target:
    """The parts of an unambiguous http or https URL; `StepError` with code `egress` otherwise."""
    if "\\" in url or any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise refused("the URL contains a backslash or a control character")
    if len(url) > 8192:
        raise refused("the URL is longer than 8,192 characters")
    found = _URL.fullmatch(url.strip(" "))
    if found is None:
        raise refused(f"{url!r:.100} is not an http or https URL")
    scheme, authority, path, query, _ = found.groups()
    if "@" in authority:
        raise refused("the URL contains a user name; put credentials into a connection")
    parts = AUTHORITY.fullmatch(authority)
    if parts is None:
        raise refused(f"{authority!r:.100} is not a valid host")
    host, port = host_of(parts[1]), int(parts[2]) if parts[2] else (443 if scheme.lower() == "https" else 80)
    if not 1 <= port <= 65535:
        raise refused(f"{port} is not a valid port")
    rest = quote((path or "/") + (query or ""), safe="%/:=&?~+!$,;'@()*[]-._")
    return Target(scheme="https" if scheme.lower() == "https" else "http", host=host, port=port, rest=rest)


def refused(reason: str) -> StepError:
    """The error for a request that egress control denies."""
    return StepError(f"refused: {reason}", code="egress")


def origin_of(url: str) -> Origin:
    """The origin of a URL; `StepError` with code `egress` when it is malformed."""
    return parse(url).origin


def join_url(base: str, place: str) -> str:
    """The absolute URL of a place that a page at `base` names; `StepError` with code `egress` when it is malformed."""
    try:
        return urljoin(base, place)
    except ValueError:
        raise refused(f"{place!r:.100} is not a URL") from None


def without_parameters(url: str, names: Collection[str]) -> str:
    """The URL without the parameters of these names in its query; all others stay as they are written."""
    head, mark, rest = url.partition("?")
    query, fragment_mark, fragment = rest.partition("#")
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]) not in names]
    query = "&".join(kept)
    return head + (mark if query else "") + query + fragment_mark + fragment


def host_of(text: str) -> str:
    """A host in its normal form: lower case, without a final dot, addresses in their shortest spelling, no brackets.

    Raises `StepError` with code `egress` for what is not a host, and for names that are not ASCII.
    """
    host = text.lower()
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            raise refused(f"{host:.100} is not an IPv6 address") from None
    host = host.removesuffix(".")
    if not host.isascii() or not _NAME.fullmatch(host):
        raise refused(f"{text!r:.100} is not a host name; write international names in their xn-- form")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        # 127.1, 0x7f000001 and 017700000001 are addresses to some resolvers: only the dotted form is allowed
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise refused(f"{host:.100} is not a dotted IPv4 address") from None
    return host


def literal_address(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_private_name(host: str) -> bool:
    """Whether a name is only known in a private network."""
    return "." not in host or any(host == name or host.endswith("." + name) for name in PRIVATE_NAMES)


def is_named(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether a list of hosts names this one: by itself, or by a pattern such as `*.example.com`."""
    return any(_matches(host, pattern) for pattern in hosts)


def _matches(host: str, pattern: str) -> bool:
    wanted = pattern.lower().removesuffix(".")
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
    return host == wanted.strip("[]")
