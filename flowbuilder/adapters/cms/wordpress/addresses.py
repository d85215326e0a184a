"""Which post or page of WordPress an address means: the one that WordPress shows there."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.adapters.cms.wordpress.rest import Rest
from flowbuilder.errors import NotFound, StepError
from flowbuilder.values import JsonObject

_STATUSES = "publish,future,draft,pending,private"
_PAGE = 100
_MAX_PAGES = 10


class Moved(NotFound):
    """There is no page at an address: WordPress sends its visitors on to another one."""


class Addresses:
    """Finds posts of `types`, the REST bases of the kinds that may be edited (`posts`, `pages`)."""

    def __init__(self, rest: Rest, types: tuple[str, ...]) -> None:
        self._rest = rest
        self._types = types
        self._known: dict[str, tuple[str, int, str]] = {}

    async def find(self, url: str) -> tuple[str, JsonObject]:
        """The REST base and the post that WordPress shows at an address, or the draft that it will show there.

        `NotFound`; `Moved`; `StepError` where WordPress shows something else there, or where several posts have the
        address and WordPress does not say which one it shows.
        """
        asked = split_page_url(url)
        if asked.netloc and asked.netloc.lower() != urlsplit(self._rest.url).netloc.lower():
            raise StepError(f"{url:.200} is not a page of {self._rest.url}", code="not_this_site", definitive=True)
        known = self._known.get(url)
        if known is not None:
            kind, number, link = known
            try:
                found = await self.by_number(kind, number)
            except NotFound:
                found = {}
            if found.get("link") == link and found.get("status") != "trash":
                return kind, found
            del self._known[url]
        kind, found = await self._find(url, asked.path, asked.query)
        self._known[url] = (kind, int(found["id"]), str(found.get("link", "")))
        return kind, found

    async def by_number(self, kind: str, number: int) -> JsonObject:
        """A post by its number; `NotFound`."""
        return await self._rest.one("GET", f"/wp/v2/{kind}/{number}")

    async def _find(self, url: str, path: str, query: str) -> tuple[str, JsonObject]:
        # a number counts at the address of the site only: what a longer path names is another page than its `?p=7`
        front = urlsplit(self._rest.url).path.rstrip("/")
        is_front = path.rstrip("/") in ("", front, f"{front}/index.php")
        plain = parse_qs(query) if is_front else {}
        number = next((plain[name][0] for name in ("p", "page_id") if plain.get(name)), "")
        if number:
            return await self._numbered(url, number)
        shown = await self._rest.shown(urljoin(f"{self._rest.url}/", path or "/"))
        if shown.status == 200 and not same_place(shown.url, path):
            raise Moved(
                f"there is no page {url:.200}: WordPress sends its visitors on to {shown.url:.200}; name that one"
            )
        if shown.is_list:
            raise NotFound(f"there is no page {url:.200}: WordPress shows a list of posts there")
        if shown.kind:
            if shown.kind not in self._types:
                edited = " and ".join(self._types)
                message = f"WordPress shows {shown.kind} {shown.number} at {url:.200}; cms.types has only {edited}"
                raise StepError(message, code="not_editable", definitive=True)
            found = await self.by_number(shown.kind, shown.number)
            if not same_place(address_of(found), path):
                raise Moved(
                    f"there is no page {url:.200}: WordPress shows {address_of(found):.200} there; name that one"
                )
            return shown.kind, found
        return await self._searched(url, path)

    async def _numbered(self, url: str, number: str) -> tuple[str, JsonObject]:
        for kind in self._types:
            if number.isdecimal() and len(number) < 19:
                try:
                    found = await self.by_number(kind, int(number))
                except NotFound:
                    continue
                if found.get("status") != "trash":
                    return kind, found
        raise NotFound(f"there is no page {url:.200}")

    async def _searched(self, url: str, path: str) -> tuple[str, JsonObject]:
        """The one post with this address, where WordPress shows nothing: a draft, or a site that hides its links."""
        matches = [
            (kind, found)
            for kind in self._types
            async for found in self._with_slug(kind, slug_of(path))
            if same_place(address_of(found), path)
        ]
        if len(matches) > 1:
            names = ", ".join(f"{kind} {found['id']} ({found.get('status')})" for kind, found in matches[:5])
            by_number = f"{self._rest.url}/?p={matches[0][1]['id']}"
            message = f"several posts have the address {url:.200}: {names}; name one by its number, as in {by_number}"
            raise StepError(message, code="ambiguous", definitive=True)
        if not matches:
            raise NotFound(f"there is no page {url:.200}")
        return matches[0]

    async def _with_slug(self, kind: str, slug: str) -> AsyncIterator[JsonObject]:
        for page in range(1, _MAX_PAGES + 1):
            if not slug:
                return
            query: dict[str, Any] = {
                "slug": slug,
                "status": _STATUSES,
                "per_page": _PAGE,
                "page": page,
            }
            found = await self._rest.many(f"/wp/v2/{kind}", **query)
            for one in found:
                yield one
            if len(found) < _PAGE:
                return


def address_of(found: JsonObject) -> str:
    """The address at which WordPress shows a post, or will when it is published: a draft's link has only its number."""
    link, template = str(found.get("link", "")), str(found.get("permalink_template", ""))
    name = str(found.get("slug") or found.get("generated_slug") or "")
    if not urlsplit(link).query or "%" not in template:
        return link
    for part in ("%postname%", "%pagename%"):
        template = template.replace(part, name)
    return template


def same_place(url: str, path: str) -> bool:
    """Whether an address has this path: as visitors read it, with or without a slash at the end."""
    parts = urlsplit(url)
    return not parts.query and _read(parts.path) == _read(urlsplit(path).path)


def slug_of(path: str) -> str:
    """The last name in a path."""
    return unquote(urlsplit(path).path.rstrip("/").rpartition("/")[2]).lower()


def _read(path: str) -> str:
    return unicodedata.normalize("NFC", unquote(path)).rstrip("/")
