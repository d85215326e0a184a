"""What an execution may reach: the hosts of its workflow, as written or rendered from the site's record, and the
connections that its steps and its site name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from flowbuilder.errors import ConfigurationError, LanguageError, StepError
from flowbuilder.language import Template, is_template
from flowbuilder.plan.nodes import Block, Plan, blocks_below
from flowbuilder.ports.url import host_of
from flowbuilder.values import JsonObject


def reachable(hosts: Iterable[str], site: JsonObject) -> tuple[str, ...]:
    """The hosts for one site: those of the workflow and, after them, those that the site's record lists as `hosts`.

    `"{{ site.base_url }}"` is the host of that URL. Ports are left out. Raises `ConfigurationError` when the site lacks
    a field that is used, so that no host is reached by accident.
    """
    own = site.get("hosts")
    listed = [str(host) for host in own] if isinstance(own, list) else []
    return tuple(dict.fromkeys(_host(_rendered(host, site)) for host in (*hosts, *listed)))


def _rendered(host: str, site: JsonObject) -> str:
    if not is_template(host):
        return host
    try:
        value = Template(host).render({"site": site})
    except LanguageError as problem:
        raise ConfigurationError(f"hosts: {host} cannot be rendered for this site: {problem}") from None
    return value if isinstance(value, str) else ""


def _host(text: str) -> str:
    rest = text.removeprefix("*.")
    try:
        name = urlsplit(rest if "//" in rest else f"//{rest}").hostname
        host = host_of(f"[{name}]" if name and ":" in name else name or "")
    except (ValueError, StepError):
        raise ConfigurationError(f"hosts: {text!r:.100} is not a host") from None
    return f"*.{host}" if text.startswith("*.") else host


def connection_names(plan: Plan, site: JsonObject) -> tuple[str, ...]:
    """The connections that an execution may use: those of its steps, and those of its site."""
    names = (name for name in _names_in(plan.block) if isinstance(name, str) and name)
    return tuple(dict.fromkeys([*names, *site_connections(site)]))


def site_connections(site: JsonObject) -> tuple[str, ...]:
    """The connections of a site's CMS and of its Search Console property."""
    parts = [part for part in (site.get("cms"), site.get("gsc")) if isinstance(part, dict)]
    return tuple(str(part["connection"]) for part in parts if part.get("connection"))


def _names_in(block: Block) -> Iterator[Any]:
    for node in block:
        step = node.step
        yield from (getattr(step, name, None) for name in ("connection", "fallback_connection", "server"))
        for part in (*getattr(step, "context", ()), *getattr(step, "tools", ())):
            yield getattr(part, "server", None)
        for _, inner in blocks_below(node):
            yield from _names_in(inner)
