"""CMS in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Publishable
from flowbuilder.ports.cms import page_hash
from flowbuilder.values import JsonObject


class MemoryCms:
    """A CMS in memory, from a mapping of URL to body. `writes` are those that changed a page, in order."""

    target_class: TargetClass = "lookup"
    form = ""

    def __init__(self, pages: Mapping[str, str] | None = None) -> None:
        self._pages: dict[str, CmsPage] = {}
        self.writes: list[CmsWrite] = []
        for url, body in (pages or {}).items():
            self.put(url, body)

    async def __call__(self, site: JsonObject) -> MemoryCms:
        """Implements `ports.CmsForSite`: itself for every site."""
        return self

    def put(self, url: str, body: str, *, title: str = "", description: str = "", **seo: Any) -> CmsPage:
        """Edit a page outside of the workflow: not among the `writes`. `seo` are `seo_title` and `seo_description`."""
        known = self._pages.get(url)
        revision = str(int(known.revision) + 1 if known else 1)
        page = CmsPage(
            url=url,
            title=title,
            body=body,
            description=description,
            revision=revision,
            hash=page_hash(title=title, body=body, description=description, **seo),
            live_url=url,
            **seo,
        )
        self._pages[url] = page
        return page

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text itself."""
        return Publishable(text=proposal)

    async def read(self, url: str) -> CmsPage:
        """The page; `NotFound`."""
        if url not in self._pages:
            raise NotFound(f"there is no page {url}")
        return self._pages[url]

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; identical content changes nothing."""
        known = await self.read(write.url)
        texts = {"title": known.title, "body": known.body, "description": known.description} | _seo(known)
        wanted = texts | _given(write)
        if wanted == texts:
            return known
        if write.if_unchanged is not None and not known.is_still(write.if_unchanged):
            raise Conflict(f"{write.url} changed since it was read")
        self.writes.append(write)
        return self.put(write.url, **wanted)

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page; `Conflict` when a different one exists at its URL."""
        known = self._pages.get(write.url)
        if known is not None:
            if known.body == write.body:
                return known
            raise Conflict(f"{write.url} already exists")
        self.writes.append(write)
        return self.put(write.url, **{"body": "", **_given(write)})

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        """Delete a page; `Conflict` when it changed."""
        known = self._pages.get(url)
        if known is None:
            return
        if not known.is_still(if_unchanged) or revision not in ("", known.revision):
            raise Conflict(f"{url} changed since it was read")
        self.writes.append(CmsWrite(url=url, if_unchanged=if_unchanged))
        del self._pages[url]

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The texts that the update changes."""
        known = await self.read(write.url)
        held = {name: getattr(known, name) for name in _given(write)}
        return None if held == _given(write) else dict(held)

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Put the earlier texts back."""
        write: dict[str, Any] = {"url": url, "if_unchanged": if_unchanged, **before}
        await self.update(CmsWrite(**write))


def _given(write: CmsWrite) -> dict[str, str]:
    texts = {"title": write.title, "body": write.body, "description": write.description}
    texts |= {"seo_title": write.seo_title, "seo_description": write.seo_description}
    return {name: value for name, value in texts.items() if value is not None}


def _seo(page: CmsPage) -> dict[str, str]:
    texts = {"seo_title": page.seo_title, "seo_description": page.seo_description}
    return {name: value for name, value in texts.items() if value}
