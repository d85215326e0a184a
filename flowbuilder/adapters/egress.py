"""Egress control: unambiguous URLs, and connections to public addresses only (protection against SSRF)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import quote

from flowbuilder.errors import ConfigurationError, StepError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Networks that `is_global` allows on some Python versions, and IPv6 forms of IPv4. A list of our own, so that the
# verdict does not depend on the Python version.
DENIED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's wire server: a public address of an internal service
        "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
        "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
PRIVATE_NAMES = ("localhost", "local", "internal", "localdomain", "intranet", "lan", "home.arpa")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@]+)(?::(\d{1,5}))?", re.IGNORECASE)


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
    def origin(self) -> tuple[str, str, int]:
        """The origin: scheme, host and port."""
        return self.scheme, self.host, self.port


class Egress:
    """Egress policy of an installation: public addresses on ports 80 and 443, and what `allow` adds.

    `allow` holds hosts (any port), `host:port` pairs and networks in CIDR form (any port).
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._names: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        for entry in allow:
            if "/" in entry:
                self._networks.append((_network(entry), None))
                continue
            host, port = _host_and_port(entry)
            if _literal(host):
                self._networks.append((ip_network(host), port))
            else:
                self._names.add((host, port))

    def target(self, url: str, hosts: tuple[str, ...] = ()) -> Target:
        """The checked target of a URL; `StepError` with code `egress` when it is not allowed or malformed."""
        target = parse(url)
        if hosts and not any(_matches(target.host, pattern) for pattern in hosts):
            raise refused(f"{target.host} is not among the hosts of this workflow: {', '.join(hosts)}")
        literal = _literal(target.host)
        if literal is not None:
            self.ensure_address(literal, target.host, target.port)
        elif not self._networks and not self._allows_name(target.host, target.port):
            # with an allowed network, the address that the name resolves to decides: see ensure_address
            if _is_private_name(target.host):
                raise refused(f"{target.host} is a name of a private network")
            _ensure_usual_port(target.host, target.port)
        return target

    def ensure_address(self, address: Address, host: str, port: int) -> None:
        """Raise `StepError` unless `host` may be reached at this address, which it resolved to."""
        if self._allows_name(host, port) or self._allows_address(address, port):
            return
        if not is_public(address):
            raise refused(f"{host} resolves to {address}, which is not a public address")
        _ensure_usual_port(host, port)

    def _allows_name(self, host: str, port: int) -> bool:
        return (host, None) in self._names or (host, port) in self._names

    def _allows_address(self, address: Address, port: int) -> bool:
        return any(
            address.version == network.version and address in network and opened in (None, port)
            for network, opened in self._networks
        )


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, by Python's table and by `DENIED`."""
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in DENIED if network.version == address.version)


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
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise refused(f"{authority!r:.100} is not a valid host")
    host, port = _host(parts[1]), int(parts[2]) if parts[2] else (443 if scheme.lower() == "https" else 80)
    if not 1 <= port <= 65535:
        raise refused(f"{port} is not a valid port")
    rest = quote((path or "/") + (query or ""), safe="%/:=&?~+!$,;'@()*[]-._")
    return Target(scheme="https" if scheme.lower() == "https" else "http", host=host, port=port, rest=rest)


def refused(reason: str) -> StepError:
    """The error for a request that egress control denies."""
    return StepError(f"refused: {reason}", code="egress")


def _host(text: str) -> str:
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


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_private_name(host: str) -> bool:
    return "." not in host or any(host == name or host.endswith("." + name) for name in PRIVATE_NAMES)


def _matches(host: str, pattern: str) -> bool:
    wanted = pattern.lower().removesuffix(".")
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1
    return host == wanted.strip("[]")


def _ensure_usual_port(host: str, port: int) -> None:
    if port not in (80, 443):
        raise refused(f"port {port} of {host} is not allowed; only 80 and 443 are")


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError:
        raise ConfigurationError(f"FLOWBUILDER_EGRESS_ALLOW: {entry!r} is not a network such as 10.0.0.0/8") from None


def _host_and_port(entry: str) -> tuple[str, int | None]:
    try:
        if entry.count(":") > 1 and not entry.startswith("["):
            return str(IPv6Address(entry)), None
        parts = _AUTHORITY.fullmatch(entry)
        if parts is None:
            raise ValueError(entry)
        return _host(parts[1]), int(parts[2]) if parts[2] else None
    except (ValueError, StepError):
        raise ConfigurationError(f"FLOWBUILDER_EGRESS_ALLOW: {entry!r} is not a host, host:port or network") from None
