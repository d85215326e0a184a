"""Egress control: unambiguous URLs, and connections to public addresses only (protection against SSRF)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.allowed_hosts import ensure_host
from flowbuilder.ports.url import (
    AUTHORITY,
    PUBLIC,
    Address,
    Target,
    host_of,
    is_named,
    is_private_name,
    literal_address,
    refused,
)

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
            if literal_address(host):
                self._networks.append((ip_network(host), port))
            else:
                self._names.add((host, port))

    def target(self, url: str, hosts: tuple[str, ...] = ()) -> Target:
        """The checked target of a URL; `StepError` with code `egress` when it is not allowed or malformed."""
        target = ensure_host(url, hosts)
        policy = self.for_host(target.host, hosts)
        if policy is not self:
            return policy.target(url)
        literal = literal_address(target.host)
        if literal is not None:
            self.ensure_address(literal, target.host, target.port)
        elif not self._networks and not self._allows_name(target.host, target.port):
            # with an allowed network, the address that the name resolves to decides: see ensure_address
            if is_private_name(target.host):
                raise refused(f"{target.host} is a name of a private network")
            _ensure_usual_port(target.host, target.port)
        return target

    def for_host(self, host: str, hosts: tuple[str, ...]) -> Egress:
        """The policy for a host: what the installation adds counts for the hosts that the list names, not for those
        that only its word `public` allows."""
        return _PUBLIC_ONLY if PUBLIC in hosts and not is_named(host, hosts) else self

    def ensure_address(self, address: Address, host: str, port: int) -> None:
        """Raise `StepError` unless `host` may be reached at this address, which it resolved to."""
        if self._allows_name(host, port) or self._allows_address(address, port):
            return
        if not is_public(address):
            raise refused(f"{host} resolves to {address}, which is not a public address (see FLOWBUILDER_EGRESS_ALLOW)")
        _ensure_usual_port(host, port)

    def _allows_name(self, host: str, port: int) -> bool:
        return (host, None) in self._names or (host, port) in self._names

    def _allows_address(self, address: Address, port: int) -> bool:
        return any(
            address.version == network.version and address in network and opened in (None, port)
            for network, opened in self._networks
        )


_PUBLIC_ONLY = Egress()


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, by Python's table and by `DENIED`."""
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in DENIED if network.version == address.version)


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
        parts = AUTHORITY.fullmatch(entry)
        if parts is None:
            raise ValueError(entry)
        return host_of(parts[1]), int(parts[2]) if parts[2] else None
    except (ValueError, StepError):
        raise ConfigurationError(f"FLOWBUILDER_EGRESS_ALLOW: {entry!r} is not a host, host:port or network") from None
