"""Port of a content management system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.model.effect import TargetClass
from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class CmsPage:
    """A page of the CMS: `body` is the editable source, `hash` its sha256, `revision` the CMS's own version."""

    url: str
    title: str
    body: str
    description: str = ""
    revision: str = ""
    hash: str = ""
    live_url: str = ""


@dataclass(frozen=True, kw_only=True)
class CmsWrite:
    """A write. None leaves a field unchanged; `if_unchanged` is the hash that the page must still have."""

    url: str
    body: str | None = None
    title: str | None = None
    description: str | None = None
    if_unchanged: str | None = None
    idempotency_key: str = ""


class Cms(Protocol):
    """A site's CMS. `update` and `delete` raise `Conflict` when the page changed since it was read."""

    target_class: TargetClass

    async def read(self, url: str) -> CmsPage: ...

    async def update(self, write: CmsWrite) -> CmsPage: ...

    async def create(self, write: CmsWrite) -> CmsPage: ...

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Delete a page that still has this hash; no page is no error."""


class CmsForSite(Protocol):
    """Opens the CMS that a site's record names (`site["cms"]`)."""

    async def __call__(self, site: JsonObject) -> Cms: ...
