"""The hosts that a workflow may reach: names and patterns as they stand, or made from what the site says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flowbuilder.errors import ConfigurationError, LanguageError
from flowbuilder.language import Template, is_template
from flowbuilder.values import JsonObject


def reachable(hosts: Iterable[str], site: JsonObject) -> tuple[str, ...]:
    """The hosts for one site: `"{{ site.base_url }}"` is the host of that URL. Ports are left out.

    Raises `ConfigurationError` where the site does not say what is asked of it: nothing may be reached by accident.
    """
    return tuple(_host(_filled_in(host, site)) for host in hosts)


def _filled_in(host: str, site: JsonObject) -> str:
    if not is_template(host):
        return host
    try:
        value = Template(host).render({"site": site})
    except LanguageError as problem:
        raise ConfigurationError(f"hosts: {host} says nothing for this site: {problem}") from None
    return value if isinstance(value, str) else ""


def _host(text: str) -> str:
    try:
        name = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        name = None
    if not name:
        raise ConfigurationError(f"hosts: {text!r:.100} is not a host")
    return name
