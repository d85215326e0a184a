"""CMS of a Ghost site, through its Admin API with the key of a custom integration."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from flowbuilder.adapters.cms.ghost.address import (
    SLUG,
    SiteAddress,
    looked_for,
    may_be_at,
    permalinks,
    place_of_new,
)
from flowbuilder.adapters.cms.ghost.api import GhostApi
from flowbuilder.adapters.cms.ghost.document import lexical_of, text_of
from flowbuilder.adapters.cms.ghost.texts import publishable, with_addresses
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Http, Publishable, Throttle
from flowbuilder.ports.cms import page_hash
from flowbuilder.values import JsonObject

FIELDS: dict[CmsField, str] = {
    "title": "title",
    "description": "custom_excerpt",
    "seo_title": "meta_title",
    "seo_description": "meta_description",
}
_SECOND = 1.05
"""Seconds after which an edit has another `updated_at`: Ghost counts whole seconds."""
REMOVED = "-removed"
Row = dict[str, Any]


class Ghost:
    """Implements `ports.Cms`. `connection` is `{url, admin_api_key}`.

    `site["cms"]` may say `types` (default posts and pages), and for new pages `create_type` and `create_status`. The
    body is the document as a text of blocks (`document`). `description` is the excerpt, `seo_title` and
    `seo_description` are the meta title and description.

    Ghost refuses a write over a page whose `updated_at` is another (409). Every write sends the document, changed or
    not, because Ghost compares only then, and none is made within a second of the page's last edit, because two edits
    of one second have one `updated_at`. Writing identical content changes nothing: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"
    form = "ghost"

    def __init__(
        self,
        http: Http,
        connection: JsonObject,
        record: Mapping[str, Any],
        *,
        base_url: str = "",
        throttle: Throttle | None = None,
    ) -> None:
        self._api = GhostApi(http, connection, name=str(record.get("connection") or ""), throttle=throttle)
        self._address = SiteAddress(self._api.url, base_url)
        self._types = tuple(str(name) for name in record.get("types") or ("posts", "pages"))
        self._create_type = str(record.get("create_type", "posts"))
        self._create_status = str(record.get("create_status", "published"))
        self._links: list[str] | None = None

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text that would be stored: addresses of the site itself are written out."""
        found = await asyncio.to_thread(publishable, field, base, proposal)
        if field != "body":
            return found
        text = await asyncio.to_thread(with_addresses, base, found.text, self._address.base)
        if text == found.text:
            return found
        evidence = f"Ghost stores addresses of the site itself with {self._address.base}"
        finding: JsonObject = {"rule": "sanitised", "severity": "info", "place": "", "evidence": evidence}
        return Publishable(text=text, findings=(*found.findings, finding))

    async def read(self, url: str) -> CmsPage:
        """The page with its texts; `NotFound`."""
        _, found, _ = await self._find(url)
        return await self._page(url, found)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        kind, found, at = await self._find(write.url)
        wanted = await self._fields(write, found)
        held = await self._page(write.url, found)
        if all(found.get(name) == value for name, value in wanted.items()):
            return held
        if write.if_unchanged is not None and not held.is_still(write.if_unchanged):
            raise Conflict(f"{write.url} changed since it was read")
        return await self._page(write.url, await self._edit(write.url, kind, found, at, wanted))

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page at this URL; `Conflict` when a different one exists.

        It is made as a draft, and gets its status when Ghost holds what was sent, under the address that was meant.
        """
        try:
            kind, found, at = await self._find(write.url)
        except NotFound:
            kind, found = await self._add(write)
            at = math.inf
        wanted = await self._fields(write, found)
        if not all(found.get(name) == value for name, value in wanted.items()):
            raise Conflict(f"a different page exists at {write.url}")
        if found["status"] == "draft" and self._create_status != "draft":
            found = await self._publish(write.url, kind, found, at)
        return await self._page(write.url, found)

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        """Make a page a draft under another slug, from which a person can bring it back: what Ghost deletes is lost,
        with an edit that was made meanwhile. `Conflict` when its hash is not `if_unchanged`."""
        try:
            kind, found, at = await self._find(url)
        except NotFound:
            return
        if not (await self._page(url, found)).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        slug = f"{found['slug'][: 180 - len(REMOVED)]}{REMOVED}"
        await self._edit(url, kind, found, at, {}, status="draft", slug=slug)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The stored fields that the update changes."""
        _, found, _ = await self._find(write.url)
        wanted = await self._fields(write, found)
        held: JsonObject = {name: found.get(name) for name in wanted}
        return None if held == wanted else held

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Send the earlier fields as they were stored."""
        kind, found, at = await self._find(url)
        if all(found.get(name) == value for name, value in before.items()):
            return
        if not (await self._page(url, found)).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        await self._edit(url, kind, found, at, before)

    async def _find(self, url: str) -> tuple[str, Row, float | None]:
        """The kind, the row and the server's clock."""
        path = self._address.path(url)
        found: list[tuple[str, Row, float | None]] = []
        sought = looked_for(path)
        for kind in self._types if sought else ():
            answer = await self._api.rows(kind, filter=str(sought), formats="lexical,mobiledoc,html", limit="5")
            found += [(kind, row, answer.at) for row in answer.rows if await self._is_at(kind, row, path)]
        if len(found) > 1:
            raise StepError(
                f"{url:.200} leads to {len(found)} pages: {', '.join(one[0] for one in found)}", code="ambiguous"
            )
        if not found:
            raise NotFound(f"there is no post and no page at {url:.200}")
        return found[0]

    async def _is_at(self, kind: str, row: Row, path: str) -> bool:
        if self._address.is_at(str(row.get("url", "")), path):
            return True
        if row.get("status") not in ("draft", "scheduled"):
            return False
        links = ["/{slug}/"] if kind == "pages" else await self._permalinks()
        return may_be_at(path, str(row["slug"]), links)

    async def _permalinks(self) -> list[str]:
        if self._links is None:
            self._links = permalinks(await self._api.routes())
        return self._links

    async def _fields(self, write: CmsWrite, held: Row | None) -> JsonObject:
        """The fields of Ghost that the write changes. `StepError` where Ghost cannot hold the texts as they are."""
        wanted: JsonObject = {}
        for field, name in FIELDS.items():
            text = getattr(write, field, None)
            if text is not None:
                stored = await self._stored(write, field, "", text)
                wanted[name] = stored if stored or field == "title" else None
        if write.title is not None and not wanted["title"]:
            raise StepError(
                f"{write.url} needs a title: Ghost stores none that is empty", code="bad_title", definitive=True
            )
        if held is not None and (problem := _refusal(held, write.url)):
            raise problem
        if write.body is not None:
            lexical = str(held["lexical"]) if held else ""
            base = await asyncio.to_thread(text_of, lexical) if lexical else ""
            body = await self._stored(write, "body", base, write.body)
            wanted["lexical"] = (
                lexical if lexical and body == base else await asyncio.to_thread(lexical_of, body, lexical)
            )
        return wanted

    async def _stored(self, write: CmsWrite, field: CmsField, base: str, text: str) -> str:
        found = (await self.publishable(field, base, text)).text
        if found != text and field in write.approved:
            message = f"Ghost would not store the {field} of {write.url} as it was approved; nothing was written"
            raise StepError(message, code="not_publishable", detail={"would_store": found[:2000]}, definitive=True)
        return found

    async def _edit(self, url: str, kind: str, found: Row, at: float | None, wanted: JsonObject, **more: str) -> Row:
        """Write fields over exactly this row, which was read at `at` by the server's clock; `Conflict` when it has
        changed."""
        if problem := _refusal(found, url):
            raise problem
        if at is None or at - _seconds(found["updated_at"]) < 2:
            await asyncio.sleep(_SECOND)
            again = await self._row(kind, found)
            if any(again.get(name) != found.get(name) for name in ("updated_at", "lexical", *FIELDS.values())):
                raise Conflict(f"{url} changed while it was about to be written")
        document = wanted.get("lexical", found.get("lexical"))
        # Ghost compares `updated_at` only where a column of the post changes. The blank makes the document one, and is
        # gone again in what Ghost stores.
        row: JsonObject = {**wanted, **more, "lexical": f"{document} ", "updated_at": found["updated_at"]}
        stored = (await self._api.edit(kind, str(found["id"]), row)).rows[0]
        _ensure_kept(url, stored, {"lexical": document, **wanted})
        return stored

    async def _row(self, kind: str, found: Row) -> Row:
        return (await self._api.rows(kind, str(found["id"]), formats="lexical,mobiledoc,html")).rows[0]

    async def _add(self, write: CmsWrite) -> tuple[str, Row]:
        kind, path = self._create_type, self._address.path(write.url)
        slug = path.rpartition("/")[2]
        place = f"/{slug}" if kind == "pages" else place_of_new(slug, await self._permalinks())
        if not SLUG.fullmatch(slug) or place != path:
            where = f"{self._address.base}{place}/" if SLUG.fullmatch(slug) and place else "no address that can be told"
            raise StepError(
                f"Ghost would not put a new page at {write.url:.200}: {where}. Slugs are lower-case letters, digits and"
                " single hyphens",
                code="bad_url",
                definitive=True,
            )
        wanted = await self._fields(write, None)
        wanted.setdefault("title", slug)
        made = (await self._api.add(kind, {**wanted, "slug": slug, "status": "draft"})).rows[0]
        if made["slug"] != slug:
            await self._api.edit(kind, str(made["id"]), {"slug": f"{slug}{REMOVED}", "updated_at": made["updated_at"]})
            raise StepError(
                f"Ghost gave the new page at {write.url:.200} another slug, {made['slug']!r}; it was left as a draft",
                code="bad_url",
            )
        _ensure_kept(write.url, made, wanted)
        return kind, made

    async def _publish(self, url: str, kind: str, found: Row, at: float | None) -> Row:
        """Give a draft the status of new pages; it stays one where Ghost would show it at another address."""
        made = await self._edit(url, kind, found, at, {}, status=self._create_status)
        if self._create_status == "published" and not self._address.is_at(str(made["url"]), self._address.path(url)):
            await self._api.edit(kind, str(made["id"]), {"status": "draft", "updated_at": made["updated_at"]})
            raise StepError(
                f"Ghost showed the new page at {made['url']} and not at {url:.200}; it is a draft again", code="bad_url"
            )
        return made

    async def _page(self, url: str, found: Row) -> CmsPage:
        lexical = found.get("lexical")
        body = await asyncio.to_thread(text_of, lexical) if lexical else str(found.get("html") or "")
        texts = {field: str(found.get(name) or "") for field, name in FIELDS.items()}
        held = {**texts, "body": body}
        hashed = {name: one for name, one in held.items() if one or not name.startswith("seo_")}
        hidden = "draft" if found.get("status") == "draft" else ""
        return CmsPage(
            url=url,
            **held,
            hash=page_hash(**hashed, **({"status": hidden} if hidden else {})),
            hidden=hidden,
            revision=str(found.get("updated_at", "")),
            live_url=str(found["url"]) if found.get("status") == "published" else url,
            refusal=_refusal(found, url),
        )


def _ensure_kept(url: str, stored: Row, wanted: Mapping[str, Any]) -> None:
    changed = [name for name, value in wanted.items() if stored.get(name) != value]
    if changed:
        raise StepError(
            f"Ghost stored other content than was sent to {url}: {', '.join(changed)}",
            code="not_verified",
            detail={"changed": list(changed)},
        )


def _refusal(found: Row, url: str) -> StepError | None:
    if found.get("lexical"):
        return None
    message = (
        f"{url} was written with Ghost's earlier editor; open it in Ghost's editor and save it once, then read it again"
    )
    return StepError(message, code="old_editor", definitive=True)


def _seconds(moment: Any) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        raise StepError("Ghost answered without the time of the page's last edit", code="bad_answer") from None
