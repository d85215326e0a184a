"""CMS of a WordPress site, through its REST API with an application password."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flowbuilder.adapters.cms.wordpress.addresses import Addresses, Moved
from flowbuilder.adapters.cms.wordpress.creation import Creation
from flowbuilder.adapters.cms.wordpress.fields import OURS, THEIRS, Seo, held_texts, meta_of, sent, texts_of
from flowbuilder.adapters.cms.wordpress.publishable import publishable
from flowbuilder.adapters.cms.wordpress.rest import Rest
from flowbuilder.adapters.cms.wordpress.user import User
from flowbuilder.errors import Conflict, NotFound, StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import CmsField, CmsPage, CmsWrite, Http, Publishable, Throttle
from flowbuilder.ports.cms import page_hash
from flowbuilder.values import JsonObject

AUTOSAVE_COUNTS = timedelta(minutes=5)
"""How long an autosave of another user means that they are editing the page. The block editor saves every minute."""
LOCK_COUNTS = timedelta(seconds=150)
"""How long WordPress's own edit lock holds."""
_SHOWN = ("publish", "future")


class WordPress:
    """Implements `ports.Cms`. `connection` is `{url, username, password}`, the password an application password.

    `site["cms"]` may say `types` (default posts and pages), and for new pages `create_type` and `create_status`.
    WordPress has no conditional write: the page is read and compared immediately before. Writing identical content
    changes nothing, so an interrupted write can be repeated: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"
    form = "wordpress"

    def __init__(
        self, http: Http, connection: JsonObject, record: Mapping[str, Any], *, throttle: Throttle | None = None
    ) -> None:
        self._rest = Rest(http, connection, str(record.get("connection") or ""), throttle)
        types = tuple(str(name) for name in record.get("types") or ("posts", "pages"))
        self._addresses = Addresses(self._rest, types)
        self._user = User(self._rest)
        self._seo = Seo(str(record.get("seo") or ""))
        wanted = record.get("create_type")
        kinds = (str(wanted),) if wanted else tuple(kind for kind in ("posts", "pages") if kind in types) or types[:1]
        self._creation = Creation(self._rest, self._addresses, kinds, str(record.get("create_status", "publish")))

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text as blocks or HTML, cleaned, and as this WordPress stores it for this user."""
        found = await asyncio.to_thread(publishable, field, base, proposal)
        try:
            stored = await self._user.stored({field: found.text})
        except (StepError, NotFound) as problem:
            evidence = f"it is not known whether WordPress stores this as it is: {problem}"
            return Publishable(text=found.text, findings=(*found.findings, _finding(field, evidence)))
        if stored[field] == found.text:
            return found
        evidence = "WordPress stores this otherwise for the user of the connection (unfiltered_html, or a plugin)"
        return Publishable(text=stored[field], findings=(*found.findings, _finding(field, evidence)))

    async def read(self, url: str) -> CmsPage:
        """The page with its raw, editable content; `NotFound`."""
        _, found = await self._addresses.find(url)
        return self._page(url, found)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        kind, found = await self._addresses.find(write.url)
        held = self._page(write.url, found)
        wanted = await self._wanted(write, held, found)
        if _is_held(found, self._seo, wanted):
            return held
        if write.if_unchanged is not None and not held.is_still(write.if_unchanged):
            raise Conflict(f"{write.url} changed since it was read")
        await self._ensure_not_edited(write.url, kind, found)
        wanted = await self._storable(write, wanted, held_texts(found, self._seo))
        answer = await self._send(kind, found, wanted)
        self._ensure_stored(answer, held_texts(found, self._seo) | wanted, write.url)
        return self._page(write.url, await self._addresses.by_number(kind, int(found["id"])))

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page at the address, or nothing; `Conflict` when a different one exists."""
        try:
            kind, found = await self._addresses.find(write.url)
        except NotFound:
            kind, found = "", {}
        wanted = await self._wanted(write, self._page(write.url, found), found or None)
        if found and not _is_held(found, self._seo, wanted):
            raise Conflict(f"a different page exists at {write.url}")
        if not found:
            wanted = await self._storable(write, wanted, {})

            def fields(made: JsonObject | None) -> JsonObject:
                if made is not None:
                    self._seo.ensure_has(made, wanted, write.url)
                return sent(wanted, self._seo, made)

            found = await self._creation.create(write.url, fields)
            self._ensure_stored(found, wanted, write.url)
        elif found.get("status") == "draft":  # an earlier attempt was cut off
            found = await self._creation.publish(write.url, kind, found)
        return self._page(write.url, found)

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        """Move a page to the trash; `Conflict` when its hash is not `if_unchanged`, or its address another one."""
        try:
            kind, found = await self._addresses.find(url)
        except Moved as problem:
            raise Conflict(str(problem)) from None
        except NotFound:
            return
        if not self._page(url, found).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        await self._rest.call("DELETE", f"/wp/v2/{kind}/{found['id']}")

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The stored texts that the update changes, by the names of WordPress."""
        _, found = await self._addresses.find(write.url)
        wanted = await self._wanted(write, self._page(write.url, found), found)
        held = held_texts(found, self._seo)
        return None if _is_held(found, self._seo, wanted) else {THEIRS.get(name, name): held[name] for name in wanted}

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Send the earlier texts as they were stored. `StepError`, before that, where WordPress would store others."""
        kind, found = await self._addresses.find(url)
        earlier = {OURS.get(name, name): str(value) for name, value in before.items()}
        if _is_held(found, self._seo, earlier):
            return
        if not self._page(url, found).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        await self._ensure_not_edited(url, kind, found)
        whole = held_texts(found, self._seo) | earlier  # WordPress saves the other texts again too
        stored = await self._user.stored(whole)
        changed = [name for name, text in whole.items() if stored[name] != text]
        if changed:
            message = (
                f"WordPress would not store the earlier {' and '.join(changed)} of {url} as it was; nothing was written"
            )
            raise StepError(message, code="not_publishable", definitive=True)
        self._ensure_stored(await self._send(kind, found, earlier), whole, url)

    # --- what is written ---

    async def _wanted(self, write: CmsWrite, held: CmsPage, found: JsonObject | None) -> dict[str, str]:
        """The texts of a write as they are sent. `StepError` where an approved text would have to be changed."""
        given = texts_of(write)
        if found is not None:
            self._seo.ensure_has(found, given, write.url)
        wanted: dict[str, str] = {}
        for name, text in given.items():
            shown = await asyncio.to_thread(publishable, name, getattr(held, name), text)
            if shown.text != text and name in write.approved:
                reasons = "; ".join(f"{finding['place']}: {finding['evidence']}" for finding in shown.findings[:3])
                message = (
                    f"the {name} for {write.url} was approved and cannot be stored as it is ({reasons}); "
                    "nothing was written"
                )
                raise StepError(message, code="not_publishable", detail=list(shown.findings[:10]), definitive=True)
            wanted[name] = shown.text
        return wanted

    async def _storable(self, write: CmsWrite, wanted: dict[str, str], held: dict[str, str]) -> dict[str, str]:
        """The texts as WordPress stores them for this user. `StepError` where an approved one would be another, or one
        that is not written: WordPress saves all the texts of a post again."""
        whole = held | wanted
        stored = await self._user.stored(whole)
        fixed = (name for name in whole if name in write.approved or name not in wanted)
        changed = [name for name in fixed if stored[name] != whole[name]]
        if changed:
            message = (
                f"WordPress would store another {' and '.join(changed)} for {write.url} than was approved or is there, "
                "for the user of the connection (without unfiltered_html) or because of a plugin; nothing was written"
            )
            raise StepError(message, code="not_publishable", definitive=True)
        return {name: stored[name] for name in wanted}

    async def _send(self, kind: str, found: JsonObject, texts: Mapping[str, str]) -> JsonObject:
        return await self._rest.one("POST", f"/wp/v2/{kind}/{found['id']}", json=sent(texts, self._seo, found))

    def _ensure_stored(self, answer: JsonObject, wanted: Mapping[str, str], url: str) -> None:
        held = held_texts(answer, self._seo)
        changed = [name for name, text in wanted.items() if held.get(name) != text]
        if changed:
            raise StepError(
                f"WordPress stored other content than was sent to {url}: {', '.join(changed)}",
                code="not_verified",
                detail={"changed": list(changed), "url": str(answer.get("link") or url)},
            )

    async def _ensure_not_edited(self, url: str, kind: str, found: JsonObject) -> None:
        """Raise `StepError` (`being_edited`) where the REST API shows that another user is editing the page: by an
        autosave of the last minutes that is newer than the page or, where the site shows it as meta, by the lock."""
        me = await self._user.number()
        lock, _, holder = str(meta_of(found).get("_edit_lock") or "").partition(":")
        now = self._rest.now
        busy = (
            lock.isdecimal()
            and len(lock) < 12
            and holder.isdecimal()
            and int(holder) != me
            and now - datetime.fromtimestamp(int(lock), UTC) < LOCK_COUNTS
        )
        try:
            saves = [] if busy else await self._rest.many(f"/wp/v2/{kind}/{found['id']}/autosaves")
        except (StepError, NotFound):
            saves = []  # a kind of post without autosaves
        for one in saves:
            saved = _time(one.get("modified_gmt"))
            newer = saved is not None and str(one["modified_gmt"]) > str(found.get("modified_gmt", ""))
            busy = busy or (newer and one.get("author") != me and saved is not None and now - saved < AUTOSAVE_COUNTS)
        if busy:
            message = (
                f"another user is editing {url} in WordPress now; nothing was written: try again when they are done"
            )
            raise StepError(message, code="being_edited", definitive=True)

    def _page(self, url: str, found: JsonObject) -> CmsPage:
        texts: dict[str, Any] = {**held_texts(found, self._seo)}
        hidden = "" if found.get("status") in _SHOWN else str(found.get("status") or "")
        hidden = hidden or ("password" if found.get("password") else "")
        try:
            revision = str(found["_links"]["predecessor-version"][0]["id"])
        except (LookupError, TypeError):  # a page without revisions has no such link
            revision = ""
        return CmsPage(
            url=url,
            **texts,
            hidden=hidden,
            hash=page_hash(**texts, **({"status": hidden} if hidden else {})),
            revision=revision or str(found.get("modified_gmt", "")),
            live_url=str(found.get("link", url)),
        )


def _is_held(found: JsonObject, seo: Seo, wanted: Mapping[str, str]) -> bool:
    held = held_texts(found, seo)
    return all(held.get(name) == text for name, text in wanted.items())


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return None


def _finding(field: str, evidence: str) -> JsonObject:
    return {"rule": "changed_on_save", "severity": "warning", "place": field, "evidence": evidence}
