"""The targets of links: where they lead, when two lead to the same, and which hosts a text knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flowbuilder.steps.builtin.guard.document import Document


def host_of(target: str) -> str | None:
    """The host of a target; None of a relative or unreadable one."""
    try:
        return urlsplit(target).hostname
    except ValueError:  # such as http://[URL]
        return None


def alike(old: str, new: str) -> bool:
    """Whether a target is likely to lead to the same page under its new address: both end with the same part."""
    return bool(last := _last_part(old)) and last == _last_part(new)


def _last_part(target: str) -> str:
    path = re.split(r"[?#]", bare_target(target), maxsplit=1)[0]
    return re.sub(r"/?(?:index)?\.(?:html?|mdx?|php)$", "", path).rstrip("/").rpartition("/")[2]


def bare_target(target: str) -> str:
    """Equal for targets that differ only in scheme, `www.`, a final slash, or the escaping of characters."""
    return re.sub(r"^(?:https?:)?//(?:www\.)?", "//", unquote(target)).rstrip("/").lower()


MAX_LABELS = 6


@dataclass(frozen=True)
class Hosts:
    """The hosts of a text, and those with the ones above them."""

    named: frozenset[str]
    above: frozenset[str]


def known_hosts(document: Document) -> Hosts:
    """The hosts that a text links to or names in code."""
    named = document.hosts | {host for target in document.targets if (host := host_of(target))}
    return Hosts(named, frozenset(parent for host in named for parent in _above(host)))


def is_new_host(target: str, hosts: Hosts) -> bool:
    """Whether a target leads to a host that is none of the known ones, nor above or below one."""
    host = host_of(target)
    return bool(host) and host not in hosts.above and hosts.named.isdisjoint(_above(str(host)))


def _above(host: str) -> list[str]:
    """The host and the hosts above it, without its top-level domain."""
    labels = host.split(".")[-MAX_LABELS:]
    return [".".join(labels[at:]) for at in range(len(labels) - 1)] or [host]
