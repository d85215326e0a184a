"""Hugo: sections, page bundles, languages, `url`, `slug`, `permalinks`, `uglyURLs`, `aliases`, `cascade`, drafts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from flowbuilder.adapters.cms.addresses.dates import parse_date
from flowbuilder.adapters.cms.addresses.folder import Folder
from flowbuilder.adapters.cms.addresses.generators.hugo_config import is_true
from flowbuilder.adapters.cms.addresses.generators.hugo_site import HugoPage, HugoSite
from flowbuilder.adapters.cms.addresses.index import Address, Rank, declared
from flowbuilder.adapters.cms.addresses.slugs import hugo_path

_TOKEN: Final = re.compile(r":(\w+)(\[.+?\])?")
_DATED: Final = re.compile(r"^(\d{4}-\d{2}-\d{2})[-_ ]?(.*)$")
_NO_DATE: Final = datetime(1, 1, 1)
_GO: Final = {
    "2006": "%Y", "06": "%y", "01": "%m", "02": "%d", "January": "%B", "Jan": "%b", "Monday": "%A", "Mon": "%a",
    "002": "%j", "15": "%H", "04": "%M", "05": "%S",
}  # fmt: skip


def addresses(folder: Folder, options: Mapping[str, Any]) -> Iterator[Address]:
    """The addresses of a Hugo site, or of its content folder."""
    site = HugoSite(folder, options)
    rules = _Rules(site)
    for page in site.pages():
        address, is_published = rules.address(page)
        if address is None:
            continue
        rank = Rank.PAGE if is_published else Rank.UNPUBLISHED
        if page.is_fallback or (page.source.suffix.lower() in (".html", ".htm") and not page.source.has_front_matter):
            rank = max(rank, Rank.FALLBACK)
        yield Address(address, page.source.path, rank)
        for other in (rules.address(page, section_slugs=True)[0], address.replace("--", "-")):
            if other and other != address:  # as newer and older releases of Hugo write it
                yield Address(other, page.source.path, max(rank, Rank.FALLBACK))
        for alias in page.texts("aliases"):
            if not re.match(r"https?:", alias):
                above = posixpath.dirname(address.rstrip("/")) or "/"
                yield Address(posixpath.normpath(posixpath.join(above, declared(alias))), page.source.path, Rank.ALIAS)


class _Rules:
    def __init__(self, site: HugoSite) -> None:
        self._site = site
        self._now = datetime.now()

    def address(self, page: HugoPage, *, section_slugs: bool = False) -> tuple[str | None, bool]:
        """The address of a page, None where it has none; whether it is published.

        With `section_slugs`, the `slug` of a section names its folder, as the newest releases do.
        """
        build = page.fields.get("build") or page.fields.get("_build")
        render = str(build.get("render", "")).lower() if isinstance(build, dict) else ""
        if is_true(page.fields.get("headless")) or render in ("false", "never"):
            return None, False
        prefix = self._site.prefix(page.language)
        url = page.text("url")
        if page.is_home:
            return prefix + "/", self._is_published(page)
        if url:
            return declared(self._declared(url, page, prefix)), self._is_published(page)
        pattern = self._site.pattern(page)
        lower = not self._site.keeps_case
        path = self._site.slugged_path(page) if section_slugs else page.path
        inner = path if not lower else path.lower().replace(" ", "-")
        if pattern:
            expanded = posixpath.normpath(self._expanded(pattern, page).replace("+", " "))
        elif page.is_branch:
            expanded = inner
        else:
            expanded = posixpath.join(posixpath.dirname(inner), self._slug(page) or posixpath.basename(inner))
        path = hugo_path("/" + expanded.strip("/"), lower=lower, accents=not self._site.removes_accents)
        if path == "/":
            return prefix + "/", self._is_published(page)
        is_ugly = self._site.is_ugly(page.section) and not page.is_branch
        return f"{prefix}{path}{'.html' if is_ugly else '/'}", self._is_published(page)

    def _declared(self, url: str, page: HugoPage, prefix: str) -> str:
        if ":" in url:
            url = self._expanded(url, page).replace("+", " ")
        is_relative = not url.startswith("/")
        if ".." in url:
            url = posixpath.normpath("/" + url)
        path = "/" + "/".join(part for part in url.split("/") if part)
        if url.endswith("/") or "." not in url:
            path = path.rstrip("/") + "/"
        if is_relative and prefix and not path.startswith(prefix + "/"):
            return prefix + path
        return path

    def _slug(self, page: HugoPage) -> str:
        slug: str = page.text("slug")
        if not slug and self._site.dates_from_names:
            named = _DATED.match(page.name)
            slug = named[2] if named else ""
        return slug

    def _date(self, page: HugoPage) -> datetime:
        for name in self._site.date_fields:
            if name == ":filename":
                named = _DATED.match(page.name)
                found = parse_date(named[1]) if named else None
            else:
                found = parse_date(page.text(name))
            if found is not None:
                return found
        return _NO_DATE

    def _is_published(self, page: HugoPage) -> bool:
        if is_true(page.fields.get("draft")):
            return False
        start = parse_date(page.text("publishdate", "pubdate", "published")) or self._date(page)
        end = parse_date(page.text("expirydate", "unpublishdate"))
        return start <= self._now and (end is None or end > self._now)

    def _expanded(self, pattern: str, page: HugoPage) -> str:
        date = self._date(page)

        def value(found: re.Match[str]) -> str:
            name, part = found[1], found[2] or ""
            if name in ("sections", "sectionslugs"):
                entries = page.sections if name == "sections" else [self._title_of(one) for one in page.section_pages]
                return "/".join(_cut(entries, part))
            match name:
                case "section":
                    return str(page.section)
                case "sectionslug":
                    return self._title_of(page.section_pages[0]) if page.section_pages else ""
                case "title":
                    return self._urlized(page.text("title"))
                case "slug":
                    return self._urlized(self._slug(page) or page.text("title"))
                case "filename" | "contentbasename":
                    return self._urlized("" if page.is_branch else page.name) + part
                case "slugorfilename" | "slugorcontentbasename":
                    return self._urlized(self._slug(page) or ("" if page.is_branch else page.name))
                case "month":
                    return f"{date:%m}"
                case "day":
                    return f"{date:%d}"
                case "year":
                    return str(date.year)
                case "monthname":
                    return f"{date:%B}"
                case "weekday":
                    return str(int(f"{date:%w}"))
                case "weekdayname":
                    return f"{date:%A}"
                case "yearday":
                    return str(int(f"{date:%j}"))
            return date.strftime(_GO[name]) + part if name in _GO else found[0]

        text = pattern.replace("\\:", "\0")
        return _TOKEN.sub(value, text).replace("\0", ":")

    def _title_of(self, page: HugoPage) -> str:
        return self._urlized(page.text("slug", "title") or page.name)

    def _urlized(self, text: str) -> str:
        return hugo_path(text, lower=not self._site.keeps_case, accents=not self._site.removes_accents)


def _cut(entries: list[str], part: str) -> list[str]:
    """Part of a path's sections: `[1:]`, `[last]`, `[:last]`, `[0]`; all without one."""
    if not part:
        return entries
    low, colon, high = part.strip("[]").lower().partition(":")
    last = len(entries) - 1
    start = last if low == "last" else int(low) if low.isdigit() else 0
    end = (last if high == "last" else int(high) if high.isdigit() else len(entries)) if colon else start + 1
    return entries[start:end] if start >= 0 else []
