"""Addresses of a Ghost site: from a URL to the post or page, by the routes that Ghost has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.errors import StepError

SLUG = re.compile(r"[a-z0-9_]+(?:-[a-z0-9_]+)*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PERMALINK = re.compile(r"^[ \t]+permalink:[ \t]*['\"]?(/[^'\"\s#]*)", re.MULTILINE)
_PART = re.compile(r"\{(\w+)\}")
_PATTERNS = {"year": r"\d{4}", "month": r"\d\d", "day": r"\d\d", "id": r"[0-9a-f]{24}"}
DEFAULT = "/{slug}/"


class SiteAddress:
    """The addresses of one site. `url` is that of its Ghost, `base_url` that of its pages where it is another."""

    def __init__(self, url: str, base_url: str = "") -> None:
        self.base = (base_url or url).rstrip("/")
        self._hosts = {urlsplit(one).netloc.lower() for one in (url, self.base)}
        self._prefixes = {urlsplit(one).path.rstrip("/") for one in (url, self.base)}

    def path(self, url: str) -> str:
        """The path of a page within the site, without the slash at its end. `StepError` for another site's."""
        asked = split_page_url(url)
        if asked.netloc and asked.netloc.lower() not in self._hosts:
            raise StepError(f"{url:.200} is not a page of {self.base}", code="not_this_site")
        return self._within(asked)

    def _within(self, asked: SplitResult) -> str:
        path = unquote(asked.path).rstrip("/")
        prefix = next((one for one in self._prefixes if one and f"{path}/".startswith(f"{one}/")), "")
        return path.removeprefix(prefix)

    def is_at(self, url: str, path: str) -> bool:
        """Whether an address that Ghost gave is this path of the site."""
        return self._within(urlsplit(url)) == path


def looked_for(path: str) -> str | None:
    """The filter that finds what may be at a path: by the slug, or by the uuid of a preview; None for no page."""
    parts = path.strip("/").split("/")
    if parts[0] == "p" and len(parts) == 2 and _UUID.fullmatch(parts[1]):
        return f"uuid:'{parts[1]}'"
    return f"slug:'{parts[-1]}'" if SLUG.fullmatch(parts[-1]) else None


def permalinks(routes: str) -> list[str]:
    """The permalinks of the collections of a routes.yaml, in order; Ghost's default without one."""
    return _PERMALINK.findall(routes)[:50] or [DEFAULT]


def may_be_at(path: str, slug: str, links: list[str]) -> bool:
    """Whether an unpublished post with this slug would have this path by one of the permalinks."""
    return any(re.fullmatch("".join(_pattern(link.rstrip("/"), slug)), path) for link in links)


def _pattern(link: str, slug: str) -> Iterator[str]:
    for number, part in enumerate(_PART.split(link)):
        if number % 2 == 0:
            yield re.escape(part)
        else:
            yield re.escape(slug) if part == "slug" else _PATTERNS.get(part, "[^/]+")


def place_of_new(slug: str, links: list[str]) -> str | None:
    """The path at which Ghost puts a new post; None where that depends on more than its slug."""
    link = links[-1].rstrip("/")  # a collection without a filter comes last, and takes what no other takes
    return link.replace("{slug}", slug) if set(_PART.findall(link)) == {"slug"} else None
