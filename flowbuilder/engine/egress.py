"""The hosts that a workflow may reach: names and patterns as written, or rendered from the site's record."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flowbuilder.errors import ConfigurationError, LanguageError, StepError
from flowbuilder.language import Template, is_template
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
