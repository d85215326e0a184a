"""A site's content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.model.effect import TargetClass
from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class CmsPage:
    """A page as the CMS holds it: `body` is the editable source, `hash` its sha256, `revision` the CMS's own mark."""

    url: str
    title: str
    body: str
    description: str = ""
    revision: str = ""
    hash: str = ""
    live_url: str = ""


@dataclass(frozen=True, kw_only=True)
class CmsWrite:
    """What to write. None leaves a field as it is; `if_unchanged` is the hash that the page must still have."""

    url: str
    body: str | None = None
    title: str | None = None
    description: str | None = None
    if_unchanged: str | None = None
    idempotency_key: str = ""


class Cms(Protocol):
    """A site's content. `update` and `delete` raise `Conflict` when the page changed since it was read."""

    target_class: TargetClass

    async def read(self, url: str) -> CmsPage: ...

    async def update(self, write: CmsWrite) -> CmsPage: ...

    async def create(self, write: CmsWrite) -> CmsPage: ...

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Take a page away that still has this hash; where there is none, nothing is to be done."""


class CmsForSite(Protocol):
    """Opens the CMS that a site's record names (`site["cms"]`)."""

    async def __call__(self, site: JsonObject) -> Cms: ...
