"""Port of a content management system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from flowbuilder.errors import StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.values import JsonObject, digest, digest_text

CmsField = Literal["body", "title", "description", "seo_title", "seo_description"]


@dataclass(frozen=True, kw_only=True)
class CmsPage:
    """A page of the CMS: `body` is the editable source, `revision` the CMS's own version, `hash` a sha256 of all that
    may be read or written (`page_hash`). `seo_title` and `seo_description` are the texts for search engines where the
    CMS has them apart from the others, else empty."""

    url: str
    title: str
    body: str
    description: str = ""
    seo_title: str = ""
    seo_description: str = ""
    revision: str = ""
    hash: str = ""
    live_url: str = ""
    hidden: str = ""
    """The status with which visitors are not shown the page (`draft`, `private`), which its hash then covers; else
    empty."""
    conflict: str = ""
    """Why the CMS would not take a write of this page now, where a person has to mend that first; else empty."""
    refusal: StepError | None = field(default=None, compare=False)
    """The error that every write of this page ends with, as it is now: a review of such a write is not opened."""

    def is_still(self, known: str) -> bool:
        """Whether the page is as it was when its hash was `known`. Earlier releases recorded the sha256 of the body."""
        return known in (self.hash, digest_text(self.body))


def page_hash(*, title: str, body: str, description: str, **more: str) -> str:
    """The sha256 of a page's texts, each under its name; `more` are those that only some pages have."""
    return digest({"title": title, "body": body, "description": description, **more})


@dataclass(frozen=True, kw_only=True)
class WriteOrigin:
    """Where a write comes from, for a CMS with a history: the step run, and who approved the texts, with comments."""

    workflow: str
    execution_id: str
    step: str
    approved_by: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CmsWrite:
    """A write. None leaves a field unchanged; `if_unchanged` is the hash that the page must still have."""

    url: str
    body: str | None = None
    title: str | None = None
    description: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    if_unchanged: str | None = None
    idempotency_key: str = ""
    origin: WriteOrigin | None = None
    approved: frozenset[CmsField] = frozenset()
    """The fields whose text a reviewer approved: it is stored as it is, or the write is refused before it is made. Any
    other text may be converted and cleaned."""


@dataclass(frozen=True, kw_only=True)
class Publishable:
    """A text as a CMS stores it. `findings` say what was changed for that and where, `{rule, severity, place,
    evidence}`; a text with no change has none."""

    text: str
    findings: tuple[JsonObject, ...] = ()


class PublishableForm(Protocol):
    """What a kind of CMS stores of a text, by the text alone: a pure function.

    Of a text that the page has already (`base`, as it was read) nothing is changed; what the proposal adds is converted
    and cleaned. Of a text that it gave itself it changes nothing.
    """

    def __call__(self, field: CmsField, base: str, proposal: str) -> Publishable: ...


class Cms(Protocol):
    """A site's CMS. `update`, `restore` and `delete` raise `Conflict` when the page changed since it was read.

    A write that was made, and of which the CMS stored something else, raises a `StepError` with code `not_verified`;
    its `detail` may have the `url` at which the page is.
    """

    target_class: TargetClass
    form: str
    """The name of its `PublishableForm`; empty where every text is stored as it is."""

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text that would be stored, with what the CMS itself adds to its `PublishableForm`: what the user of the
        connection may write. Raises nothing where the CMS does not answer: a finding says it."""

    async def read(self, url: str) -> CmsPage: ...

    async def update(self, write: CmsWrite) -> CmsPage: ...

    async def create(self, write: CmsWrite) -> CmsPage: ...

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        """Delete a page that still has this hash; no page is no error.

        With `revision`, a CMS that cannot bring it back deletes only what was last read as this revision: what else
        the page has, such as tags of a colleague, is no part of the hash."""

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """What `restore` needs to undo this update, read before it is made: what the page has where the update writes,
        as the CMS holds it. None when the update would change nothing. `NotFound`."""

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Undo an update: the page is again what it was, byte for byte. Nothing happens where it is already."""


def ensure_no_seo(write: CmsWrite, cms: str) -> None:
    """Raise `StepError` (`no_seo_fields`) for a write of texts for search engines that this page does not have."""
    if write.seo_title is not None or write.seo_description is not None:
        message = f"{write.url} has no seo_title and no seo_description in {cms}; nothing was written"
        raise StepError(message, code="no_seo_fields", definitive=True)


class CmsForSite(Protocol):
    """Opens the CMS that a site's record names (`site["cms"]`)."""

    async def __call__(self, site: JsonObject) -> Cms: ...
