"""New posts and pages: made as a draft, and published only where WordPress gives them the address that is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, urljoin, urlsplit

from flowbuilder.adapters.cms.wordpress.addresses import Addresses, address_of, same_place, slug_of
from flowbuilder.adapters.cms.wordpress.rest import Rest
from flowbuilder.errors import NotFound, StepError
from flowbuilder.values import JsonObject

_SLUG = re.compile(r"\w+(-\w+)*")
_HIERARCHICAL = "pages"


class Creation:
    """Creates posts of the first of `kinds` whose address is the wanted one."""

    def __init__(self, rest: Rest, addresses: Addresses, kinds: tuple[str, ...], status: str) -> None:
        self._rest = rest
        self._addresses = addresses
        self._kinds = kinds
        self._status = status

    async def create(self, url: str, fields: Callable[[JsonObject | None], JsonObject]) -> JsonObject:
        """The new post. `fields` gives what is sent, first without and then with the draft that was made of it.
        `StepError` (`bad_url`) where WordPress would put it elsewhere: nothing is left of it."""
        path = urlsplit(url).path
        slug = unquote(path.rstrip("/").rpartition("/")[2])
        if not _SLUG.fullmatch(slug) or slug != slug_of(path):
            # WordPress would change the slug, and with it the URL
            message = f"{url:.200} does not end in a valid slug: lower-case letters, digits and single hyphens"
            raise StepError(message, code="bad_url", definitive=True)
        reasons = []
        for kind in self._kinds:
            parent = await self._parent(url) if kind == _HIERARCHICAL else 0
            if parent is None:
                reasons.append(f"there is no page {urljoin(url.rstrip('/'), '.')} to put it below")
                continue
            sent = {**fields(None), **({"parent": parent} if parent else {}), "slug": slug, "status": "draft"}
            made = await self._rest.one("POST", f"/wp/v2/{kind}", json=sent)
            if same_place(address_of(made), path):
                try:
                    more = fields(made)
                except StepError:
                    await self._rest.call("DELETE", f"/wp/v2/{kind}/{made['id']}", force="true")
                    raise
                return await self.publish(url, kind, made, more)
            reasons.append(f"WordPress would put a new one of {kind} at {unquote(address_of(made)):.200}")
            await self._rest.call("DELETE", f"/wp/v2/{kind}/{made['id']}", force="true")
        message = f"{url:.200} cannot be made: {'; '.join(reasons)}. Nothing was made"
        raise StepError(message, code="bad_url", definitive=True)

    async def publish(self, url: str, kind: str, made: JsonObject, fields: JsonObject | None = None) -> JsonObject:
        """Give a post the status of new pages, with more fields. It is moved to the trash where it then has another
        address (`bad_url`)."""
        place = f"/wp/v2/{kind}/{made['id']}"
        sent = {**(fields or {}), "status": self._status}
        found = await self._rest.one("POST", place, json=sent)
        if same_place(address_of(found), urlsplit(url).path):
            return found
        await self._rest.call("DELETE", place)
        message = f"WordPress put {url:.200} at {address_of(found):.200}; it was moved to the trash again"
        raise StepError(message, code="bad_url", definitive=True)

    async def _parent(self, url: str) -> int | None:
        """The number of the page above an address: 0 at the top of the site, None where there is no page."""
        home = await self._home()
        above = urlsplit(url).path.rstrip("/").rpartition("/")[0]
        if unquote(above).rstrip("/") == unquote(urlsplit(home).path).rstrip("/"):
            return 0
        try:
            kind, found = await self._addresses.find(urljoin(f"{home}/", f"{above}/"))
        except NotFound:
            return None
        return int(found["id"]) if kind == _HIERARCHICAL else None

    async def _home(self) -> str:
        index = await self._rest.call("GET", "/", _fields="home")
        home = index.get("home") if isinstance(index, dict) else None
        return str(home or self._rest.url).rstrip("/")
