"""Addresses of pages: which file of a folder is at which address of a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.page_path import Addresses, SameNames
from flowbuilder.errors import ConfigurationError

GENERATORS: Final = (
    "hugo", "jekyll", "astro", "docusaurus", "eleventy", "mkdocs", "hexo", "zola", "vitepress", "next", "html",
)  # fmt: skip
_OWN: Final = frozenset(
    {"type", "root", "url_prefix", "connection", "generator", "addresses", "sitemap", "sitemap_ignore", "git"}
)


def open_addresses(record: Mapping[str, Any], site: str = "", *, base_url: str = "") -> Addresses:
    """The addresses of a site by the `generator` and the `addresses` of its `cms` record; without them, same names.

    All other fields of the record stand for those of the generator's own configuration; `base_url` is the site's, for a
    generator that makes several sites. `ConfigurationError` for a generator that is not known.
    """
    name, stated = record.get("generator"), record.get("addresses")
    if name is None and not stated:
        return SameNames()
    if name is not None and name not in GENERATORS:
        message = f"site {site}: generator {name!r:.40} is not known; use one of {', '.join(GENERATORS)}, or addresses"
        raise ConfigurationError(message)
    # read where it is used: only sites with rules need them
    from flowbuilder.adapters.cms.addresses.generated import GeneratedAddresses
    from flowbuilder.adapters.cms.addresses.index import Address
    from flowbuilder.adapters.cms.addresses.patterns import pattern_addresses, read_patterns

    patterns = read_patterns(stated)
    options = {key: value for key, value in record.items() if key not in _OWN}
    rules = import_module(f"{__name__}.generators.{name}").addresses if name else None

    def addresses(folder: Any, given: Mapping[str, Any]) -> Iterator[Address]:
        of_patterns = list(pattern_addresses(folder, patterns))
        yield from of_patterns
        if rules is not None:
            taken = {one.file for one in of_patterns}
            yield from (one for one in rules(folder, given) if one.file not in taken)

    options = {"base_url": base_url, **options, **({"addresses": stated} if stated else {})}
    return GeneratedAddresses(str(name or "addresses"), addresses, options)
