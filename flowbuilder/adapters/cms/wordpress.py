"""CMS of a WordPress site, through its REST API with an application password."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flowbuilder.adapters.cms.html import publishable
from flowbuilder.adapters.cms.page_url import split_page_url
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.model.effect import TargetClass
from flowbuilder.ports import (
    CmsField,
    CmsPage,
    CmsWrite,
    Http,
    HttpRequest,
    HttpResponse,
    NoThrottle,
    Publishable,
    Throttle,
)
from flowbuilder.ports.cms import page_hash
from flowbuilder.ports.credentials import basic, bound_to
from flowbuilder.ports.throttle import limit_key
from flowbuilder.values import JsonObject

_SLUG = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)*")
_STATUSES = "publish,future,draft,pending,private"


class WordPress:
    """Implements `ports.Cms`. `connection` is `{url, username, password}`, the password an application password.

    `site["cms"]` may say `types` (default posts and pages), and for new pages `create_type` and `create_status`. Bodies
    may be Markdown or HTML with block comments; they are sanitised before they are sent. WordPress has no conditional
    write: the page is read and compared immediately before. Writing identical content changes nothing, so an
    interrupted write can be repeated: the target class is `lookup`.
    """

    target_class: TargetClass = "lookup"
    form = ""

    def __init__(
        self, http: Http, connection: JsonObject, record: Mapping[str, Any], *, throttle: Throttle | None = None
    ) -> None:
        missing = [name for name in ("url", "username", "password") if not connection.get(name)]
        if missing:
            raise ConfigurationError(f"the WordPress connection needs {', '.join(missing)}")
        self._http = http
        self._throttle = throttle or NoThrottle()
        self._url = str(connection["url"]).rstrip("/")
        authorization = basic(str(connection["username"]), str(connection["password"]))
        self._auth = bound_to(self._url, {"Authorization": authorization})
        self._types = tuple(str(name) for name in record.get("types") or ("posts", "pages"))
        self._limit_key = limit_key(str(record.get("connection") or ""), self._url)
        self._create_type = str(record.get("create_type", "posts"))
        self._create_status = str(record.get("create_status", "publish"))

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        """The text itself."""
        return Publishable(text=proposal)

    async def read(self, url: str) -> CmsPage:
        """The page with its raw, editable content; `NotFound`."""
        kind, found = await self._find(url)
        return await self._page(url, kind, found)

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page; `NotFound`, or `Conflict` when its hash is not `if_unchanged`."""
        kind, found = await self._find(write.url)
        held = await self._page(write.url, kind, found)
        wanted = await asyncio.to_thread(_fields, write)
        if all(_same(_raw(found, name), value) for name, value in wanted.items()):
            return held
        if write.if_unchanged is not None and not held.is_still(write.if_unchanged):
            raise Conflict(f"{write.url} changed since it was read")
        answer = await self._call("POST", f"/wp/v2/{kind}/{found['id']}", json=wanted, query={"context": "edit"})
        _ensure_kept(answer, wanted, write.url)
        return await self._page(write.url, kind, await self._by_id(kind, int(found["id"])))

    async def create(self, write: CmsWrite) -> CmsPage:
        """Create a page with the slug of the URL; `Conflict` when a different one exists."""
        wanted = await asyncio.to_thread(_fields, write)
        try:
            kind, found = await self._find(write.url)
        except NotFound:
            slug = _slug(write.url)
            if not _SLUG.fullmatch(slug):
                # WordPress would change the slug, and with it the URL
                message = (
                    f"{write.url:.200} does not end in a valid slug: lower-case letters, digits and single hyphens"
                )
                raise StepError(message, code="bad_url") from None
            kind, sent = self._create_type, {**wanted, "slug": slug, "status": self._create_status}
            found = await self._call("POST", f"/wp/v2/{kind}", json=sent, query={"context": "edit"})
            _ensure_kept(found, wanted, write.url)
        if not all(_same(_raw(found, name), value) for name, value in wanted.items()):
            raise Conflict(f"a different page exists at {write.url}")
        return await self._page(write.url, kind, found)

    async def delete(self, url: str, *, if_unchanged: str) -> None:
        """Move a page to the trash; `Conflict` when its hash is not `if_unchanged`."""
        try:
            kind, found = await self._find(url)
        except NotFound:
            return
        if found.get("status") == "trash":
            return
        if not (await self._page(url, kind, found)).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        await self._call("DELETE", f"/wp/v2/{kind}/{found['id']}", query={})

    async def before(self, write: CmsWrite) -> JsonObject | None:
        """The stored fields that the update changes."""
        _, found = await self._find(write.url)
        wanted = await asyncio.to_thread(_fields, write)
        held = {name: _raw(found, name) for name in wanted}
        return None if all(_same(held[name], value) for name, value in wanted.items()) else dict(held)

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        """Send the earlier fields as they were stored."""
        kind, found = await self._find(url)
        earlier = {name: str(value) for name, value in before.items()}
        if all(_raw(found, name) == value for name, value in earlier.items()):
            return
        if not (await self._page(url, kind, found)).is_still(if_unchanged):
            raise Conflict(f"{url} changed since it was read")
        answer = await self._call("POST", f"/wp/v2/{kind}/{found['id']}", json=dict(earlier), query={"context": "edit"})
        _ensure_kept(answer, earlier, url)

    async def _find(self, url: str) -> tuple[str, JsonObject]:
        asked = split_page_url(url)
        if asked.netloc and asked.netloc.lower() != urlsplit(self._url).netloc.lower():
            raise StepError(f"{url:.200} is not a page of {self._url}", code="not_this_site")
        # a number counts at the address of the site only: what a longer path names is another page than its `?p=7`
        front = urlsplit(self._url).path.rstrip("/")
        is_front = asked.path.rstrip("/") in ("", front, f"{front}/index.php")
        plain = parse_qs(asked.query) if is_front else {}
        number = next((plain[name][0] for name in ("p", "page_id") if plain.get(name)), "")
        for kind in self._types:
            if number.isdecimal() and len(number) < 19:
                try:
                    return kind, await self._by_id(kind, int(number))
                except NotFound:
                    continue
            query = {"slug": _slug(url), "context": "edit", "status": _STATUSES, "per_page": 20}
            candidates = await self._call("GET", f"/wp/v2/{kind}", query=query, many=True) if query["slug"] else []
            for found in candidates:
                link = urlsplit(str(found.get("link", "")))
                # without pretty permalinks, and for drafts, the link has only a number: compare the slug
                if link.query or unquote(link.path).rstrip("/") == unquote(asked.path).rstrip("/"):
                    return kind, found
        raise NotFound(f"there is no page {url:.200}")

    async def _by_id(self, kind: str, number: int) -> JsonObject:
        found: JsonObject = await self._call("GET", f"/wp/v2/{kind}/{number}", query={"context": "edit"})
        return found

    async def _page(self, url: str, kind: str, found: JsonObject) -> CmsPage:
        texts = {"title": _raw(found, "title"), "description": _raw(found, "excerpt"), "body": _raw(found, "content")}
        try:
            revision = str(found["_links"]["predecessor-version"][0]["id"])
        except (LookupError, TypeError):  # a page without revisions has no such link
            revision = ""
        return CmsPage(
            url=url,
            **texts,
            hash=page_hash(**texts),
            revision=revision or str(found.get("modified_gmt", "")),
            live_url=str(found.get("link", url)),
        )

    async def _call(
        self, method: str, route: str, *, query: JsonObject, json: JsonObject | None = None, many: bool = False
    ) -> Any:
        """The object that WordPress answers; with `many`, the list of them."""
        name, kind = self._limit_key
        async with self._throttle.acquire(name, kind=kind):
            answer = await self._request(method, route, query=query, json=json)
        if not _are_objects(answer if many else [answer]):
            message = (
                f"WordPress: {method} {route} answered something else than {'a list of pages' if many else 'a page'}"
            )
            raise StepError(message, code="bad_answer")
        return answer

    async def _request(self, method: str, route: str, *, query: JsonObject, json: JsonObject | None) -> Any:
        # rest_route works with and without pretty permalinks
        answer = await self._http.send(
            HttpRequest(
                method=method, url=f"{self._url}/", auth=self._auth, query={"rest_route": route, **query}, json=json
            )
        )
        what = f"WordPress: {method} {route}"
        if answer.status == 404:
            raise NotFound(f"{what} answered 404")
        if answer.status in (401, 403) or b"rest_forbidden" in answer.body[:2000]:
            # for drafts, WordPress answers an unauthorised user with an invalid parameter
            message = (
                f"{what} was denied: {_reason(answer)} (check the application password and that its user may edit)"
            )
            raise StepError(message, code="auth", detail={"status": answer.status})
        if answer.status == 400:
            raise StepError(f"{what}: {_reason(answer)}", code="http_400", detail={"status": 400}, definitive=True)
        answer.ensure_success(what)
        return _parsed(answer, what)


def _fields(write: CmsWrite) -> dict[str, str]:
    body = None if write.body is None else publishable(write.body)
    given = {"content": body, "title": write.title, "excerpt": write.description}
    return {name: value for name, value in given.items() if value is not None}


def _raw(found: JsonObject, name: str) -> str:
    value = found.get(name)
    return str(value.get("raw", "")) if isinstance(value, dict) else ""


def _same(held: str, wanted: str) -> bool:
    # WordPress trims the ends of what it stores
    return held.replace("\r\n", "\n").strip() == wanted.replace("\r\n", "\n").strip()


def _ensure_kept(stored: JsonObject, wanted: Mapping[str, str], url: str) -> None:
    changed = [name for name, value in wanted.items() if not _same(_raw(stored, name), value)]
    if changed:
        raise StepError(
            f"WordPress stored other content than was sent to {url}: {', '.join(changed)}",
            code="not_verified",
            detail={"changed": list(changed)},
        )


def _are_objects(answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in answer)


def _slug(url: str) -> str:
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]).lower()


def _parsed(answer: HttpResponse, what: str) -> Any:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise StepError(
            f"{what} answered without JSON; check that {answer.url:.100} is a WordPress site", code="not_json"
        ) from None
    if not isinstance(value, dict | list):
        raise StepError(f"{what} answered neither an object nor a list", code="not_json")
    return value


def _reason(answer: HttpResponse) -> str:
    try:
        return str(json.loads(answer.body)["message"])[:300]
    except (ValueError, RecursionError, KeyError, TypeError):
        return f"status {answer.status}"
