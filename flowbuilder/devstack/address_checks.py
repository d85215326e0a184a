"""Checks for `doctor` and `sites check`: whether the rules of a site find the addresses of its sitemap."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flowbuilder.definition.site_folder import site_files
from flowbuilder.errors import ConfigurationError, FlowbuilderError, NotFound
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

SHOWN, EXAMPLES = 5, 2
"""How many of each kind are named, and how many pages where nothing is compared."""
_NO_PAGES = (".xml", ".txt", ".pdf", ".json", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".mp4", ".zip", ".ics")


@dataclass(frozen=True, kw_only=True)
class AddressReport:
    """What the rules of a site say. `asked` addresses of the sitemap were looked for; None without a sitemap."""

    site: str
    pages: int = 0
    asked: int | None = None
    missing: Sequence[str] = ()
    ambiguous: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    error: str = ""
    examples: Sequence[str] = ()
    """Some pages with their files, where there is no sitemap to compare with."""

    @property
    def ok(self) -> bool:
        """Whether each address of the sitemap leads to one file, and each file to one address."""
        return not (self.missing or self.ambiguous or self.error)

    @property
    def remedy(self) -> str:
        """What to do; empty where nothing is wrong."""
        if self.error:
            return "correct the site file; `root` and `sitemap` are relative to its folder"
        if self.missing:
            return "state in cms what the rules lack, and in sitemap_ignore the pages that no file is for"
        return "give one of the files another address, or state in cms what the rules lack" if self.ambiguous else ""

    def lines(self) -> Iterator[str]:
        """The report as text: a count, then the first of each kind."""
        if self.error:
            yield self.error
            return
        if self.asked is None:
            yield f"{self.pages:,} pages by the rules; name a sitemap in cms to compare them"
            yield from (f"for example {entry}" for entry in self.examples)
        else:
            found = self.asked - len(self.missing)
            yield f"{found:,} of {self.asked:,} addresses of the sitemap are found"
        for words, entries in (
            ("not found", self.missing),
            ("ambiguous", self.ambiguous),
            ("cannot be read", self.unreadable),
        ):
            yield from (f"{words}: {entry}" for entry in entries[:SHOWN])
            if len(entries) > SHOWN:
                yield f"{words}: and {len(entries) - SHOWN:,} more"


def address_reports(settings: Settings) -> Iterator[AddressReport]:
    """A report on each site of files whose record names a generator, addresses or a sitemap."""
    for file in site_files(settings.sites):
        cms = file.record.get("cms") if file.record else None
        if (
            isinstance(cms, dict)
            and cms.get("type") == "files"
            and any(cms.get(key) for key in ("generator", "addresses", "sitemap"))
        ):
            assert file.record is not None
            try:
                yield asyncio.run(address_report(file.record, cms, settings))
            except FlowbuilderError as problem:
                yield AddressReport(site=file.name, error=problem.message)


async def address_report(site: JsonObject, cms: JsonObject, settings: Settings) -> AddressReport:
    """The report on one site. `ConfigurationError` when its folder or its sitemap cannot be read."""
    # the adapters import libraries that only these checks need
    from flowbuilder.adapters.cms.addresses import open_addresses
    from flowbuilder.adapters.cms.addresses.generated import GeneratedAddresses
    from flowbuilder.adapters.cms.addresses.globs import any_matches
    from flowbuilder.adapters.cms.addresses.page_path import SiteUrls
    from flowbuilder.adapters.cms.addresses.sitemap import sitemap_addresses
    from flowbuilder.adapters.egress import Egress
    from flowbuilder.adapters.http.guarded_http import GuardedHttp

    name, given = str(site.get("site", "")), str(cms.get("sitemap") or "")
    base_url = str(site.get("base_url") or "")
    rules = open_addresses(cms, name, base_url=base_url)
    urls = SiteUrls(base_url, str(cms.get("url_prefix") or "/"))
    ignored = cms.get("sitemap_ignore")
    patterns = [str(one).strip("/") for one in ignored] if isinstance(ignored, list) else []
    patterns += [one.removesuffix("/**") for one in patterns]  # /tags/** is the list /tags/ too
    asked, missing = 0, list[str]()
    root = _opened(settings.sites / str(cms.get("root") or ""))
    try:
        index = rules.index(root) if isinstance(rules, GeneratedAddresses) else None
        if given:
            async for url in sitemap_addresses(given, GuardedHttp(Egress(settings.egress))):
                inner = unquote(urlsplit(url).path).strip("/")
                if not inner.lower().endswith(_NO_PAGES) and not any_matches(inner, patterns):
                    asked += 1
                    reason = _missing(index, rules, urls, root, url)
                    missing += [] if reason is None else [f"{url:.200}{reason}"]
    finally:
        os.close(root)
    if given and not asked:
        raise ConfigurationError(f"the sitemap {given:.200} names no address")
    return AddressReport(
        site=name,
        pages=0 if index is None else len(index),
        asked=asked if given else None,
        examples=[] if index is None or given else list(islice(_examples(index), EXAMPLES)),
        missing=missing,
        ambiguous=[] if index is None else list(_ambiguous(index)),
        unreadable=[] if index is None else index.problems,
    )


def _missing(index: Any, rules: Any, urls: Any, root: int, url: str) -> str | None:
    """Why an address is not found, empty where there is nothing more to say; None for one that is found."""
    try:
        path = urls.path_of(url, is_lenient=rules.is_lenient)
        if index is not None:
            index.find(path, url)
            return None
        return None if any(_is_file(root, place) for place in rules.places(root, path, url)) else ""
    except NotFound:
        return ""
    except FlowbuilderError as problem:
        return f": {problem.message}"


def _is_file(root: int, place: tuple[str, ...]) -> bool:
    try:
        return stat.S_ISREG(os.stat("/".join(place), dir_fd=root, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _ambiguous(index: Any) -> Iterator[str]:
    for address, files in index.collisions():
        yield f"{address} is {' and '.join(files[:3])}"
    for file, addresses in index.files():
        if len(addresses) > 1:
            yield f"{file} is at {' and '.join(addresses[:3])}"


def _examples(index: Any) -> Iterator[str]:
    return (f"{addresses[0]} is {file}" for file, addresses in index.files())


def _opened(folder: Path) -> int:
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise ConfigurationError(f"cannot open the folder of the site's pages: {folder}: {problem.strerror}") from None
