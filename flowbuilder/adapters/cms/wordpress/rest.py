"""Calls of WordPress's REST API with an application password, and what WordPress shows at an address."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flowbuilder.errors import ConfigurationError, NotFound, StepError
from flowbuilder.ports import Http, HttpRequest, HttpResponse, NoThrottle, Throttle
from flowbuilder.ports.credentials import basic, bound_to
from flowbuilder.ports.throttle import limit_key
from flowbuilder.values import JsonObject

_ROUTE = re.compile(r"/wp/v2/([\w-]+)/(\d{1,18})\Z")
_LINK = re.compile(r"<([^<>]+)>\s*;\s*([^<]*)")
_ELEMENT = re.compile(rb"<link\s[^>]{0,2000}>", re.IGNORECASE)
_HREF = re.compile(r"""href=["']([^"']+)["']""")
_BODY_CLASS = re.compile(rb"""<body\b[^>]{0,2000}?\bclass=["']([^"']*)["']""", re.IGNORECASE)
_LISTS = frozenset(("blog", "archive", "search", "search-results"))


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What WordPress shows at an address: the REST base (`posts`) and the number of one page, or a list of several.
    `url` is the address after redirects. Without all of these, WordPress did not say."""

    url: str
    status: int
    kind: str = ""
    number: int = 0
    is_list: bool = False


class Rest:
    """The REST API of one site. `connection` is `{url, username, password}`, the password an application password."""

    def __init__(self, http: Http, connection: JsonObject, name: str, throttle: Throttle | None) -> None:
        missing = [name for name in ("url", "username", "password") if not connection.get(name)]
        if missing:
            raise ConfigurationError(f"the WordPress connection needs {', '.join(missing)}")
        self._http = http
        self._throttle = throttle or NoThrottle()
        self.url = str(connection["url"]).rstrip("/")
        authorization = basic(str(connection["username"]), str(connection["password"]))
        self._auth = bound_to(self.url, {"Authorization": authorization})
        self._limit_key = limit_key(name, self.url)
        self.now = datetime.now(UTC)
        """The time of the last answer, by the server's clock."""

    async def call(self, method: str, route: str, *, json: JsonObject | None = None, **query: Any) -> Any:
        """The JSON of an answer; `NotFound`, or a `StepError` with WordPress's reason."""
        name, kind = self._limit_key
        # rest_route works with and without pretty permalinks
        request = HttpRequest(
            method=method, url=f"{self.url}/", auth=self._auth, query={"rest_route": route, **query}, json=json
        )
        async with self._throttle.acquire(name, kind=kind):  # which has to see a rejection
            return self._value(await self._http.send(request), f"WordPress: {method} {route}")

    def _value(self, answer: HttpResponse, what: str) -> Any:
        self._read_clock(answer)
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

    async def one(self, method: str, route: str, *, json: JsonObject | None = None, **query: Any) -> JsonObject:
        """A post that WordPress answers, in its editable form. `StepError` (`bad_answer`) for anything else."""
        answer = await self.call(method, route, json=json, context="edit", **query)
        if not _is_object(answer):
            raise StepError(f"WordPress: {method} {route} answered something else than a page", code="bad_answer")
        return answer  # type: ignore[no-any-return]

    async def many(self, route: str, **query: Any) -> list[JsonObject]:
        """The list of posts that WordPress answers, in their editable form. `StepError` (`bad_answer`)."""
        answer = await self.call("GET", route, json=None, context="edit", **query)
        if not isinstance(answer, list) or not all(map(_is_object, answer)):
            raise StepError(f"WordPress: GET {route} answered something else than a list of pages", code="bad_answer")
        return answer

    async def shown(self, url: str) -> Shown:
        """What visitors are shown at an address of the site; asked without credentials."""
        name, kind = self._limit_key
        try:
            async with self._throttle.acquire(name, kind=kind):
                answer = await self._http.send(HttpRequest(method="GET", url=url))
        except StepError as problem:
            if problem.code == "rate_limit":
                raise
            return Shown(url=url, status=0)
        place = _resource(answer)
        if answer.status == 200 and place is not None:
            return Shown(url=answer.url, status=200, kind=place[0], number=place[1])
        classes = _BODY_CLASS.search(answer.body)
        is_list = classes is not None and not _LISTS.isdisjoint(classes[1].decode("utf-8", "replace").split())
        return Shown(url=answer.url, status=answer.status, is_list=answer.status == 200 and is_list)

    def _read_clock(self, answer: HttpResponse) -> None:
        try:
            self.now = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            self.now = datetime.now(UTC)


def raw(found: Mapping[str, Any], name: str) -> str:
    """A text of a post as it is stored; empty where it has none."""
    value = found.get(name)
    return str(value.get("raw", "")) if isinstance(value, dict) else ""


def _is_object(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("id"), int)


def _resource(answer: HttpResponse) -> tuple[str, int] | None:
    """The REST base and the number of the one page that is shown, by the `alternate` link of its API."""
    links = [(place, rest) for place, rest in _LINK.findall(answer.headers.get("link", ""))]
    for element in _ELEMENT.findall(answer.body[:200_000]):
        text = element.decode("utf-8", "replace")
        href = _HREF.search(text)
        links += [(unescape(href[1]), text)] if href else []
    for place, rest in links:
        if "alternate" in rest and "application/json" in rest and "oembed" not in place:
            parts = urlsplit(place)
            route = _ROUTE.search((parse_qs(parts.query).get("rest_route") or [unquote(parts.path)])[0])
            if route is not None:
                return route[1], int(route[2])
    return None


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
