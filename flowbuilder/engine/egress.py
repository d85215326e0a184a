"""The hosts that a workflow may reach: names and patterns as written, or rendered from the site's record."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flowbuilder.errors import ConfigurationError, LanguageError
from flowbuilder.language import Template, is_template
from flowbuilder.values import JsonObject


def reachable(hosts: Iterable[str], site: JsonObject) -> tuple[str, ...]:
    """The hosts for one site: `"{{ site.base_url }}"` is the host of that URL. Ports are left out.

    Raises `ConfigurationError` when the site lacks a field that is used, so that no host is reached by accident.
    """
    return tuple(_host(_rendered(host, site)) for host in hosts)


def _rendered(host: str, site: JsonObject) -> str:
    if not is_template(host):
        return host
    try:
        value = Template(host).render({"site": site})
    except LanguageError as problem:
        raise ConfigurationError(f"hosts: {host} cannot be rendered for this site: {problem}") from None
    return value if isinstance(value, str) else ""


def _host(text: str) -> str:
    try:
        name = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        name = None
    if not name:
        raise ConfigurationError(f"hosts: {text!r:.100} is not a host")
    return name
