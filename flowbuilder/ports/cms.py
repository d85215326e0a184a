"""Port of a content management system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.model.effect import TargetClass
from flowbuilder.values import JsonObject, digest, digest_text


@dataclass(frozen=True, kw_only=True)
class CmsPage:
    """A page of the CMS: `body` is the editable source, `revision` the CMS's own version, `hash` a sha256 of all that
    may be read or written (`page_hash`)."""

    url: str
    title: str
    body: str
    description: str = ""
    revision: str = ""
    hash: str = ""
    live_url: str = ""

    def is_still(self, known: str) -> bool:
        """Whether the page is as it was when its hash was `known`. Earlier releases recorded the sha256 of the body."""
        return known in (self.hash, digest_text(self.body))


def page_hash(*, title: str, body: str, description: str, **more: str) -> str:
    """The sha256 of a page's texts, each under its name."""
    return digest({"title": title, "body": body, "description": description, **more})


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
    """A site's CMS. `update`, `restore` and `delete` raise `Conflict` when the page changed since it was read.

    A write that was made, and of which the CMS stored something else, raises a `StepError` with code `not_verified`.
    """

    target_class: TargetClass

    async def read(self, url: str) -> CmsPage: ...

    async def update(self, write: CmsWrite) -> CmsPage: ...

    async def create(self, write: CmsWrite) -> CmsPage: ...

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Delete a page that still has this hash; no page is no error."""

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """What `restore` needs to undo this update, read before it is made: what the page has where the update writes,
        as the CMS holds it. None when the update would change nothing. `NotFound`."""

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Undo an update: the page is again what it was, byte for byte. Nothing happens where it is already."""


class CmsForSite(Protocol):
    """Opens the CMS that a site's record names (`site["cms"]`)."""

    async def __call__(self, site: JsonObject) -> Cms: ...
