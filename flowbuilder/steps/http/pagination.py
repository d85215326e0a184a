"""Lists in pages: where the next page is, and whether there is one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.steps.step import Record
from flowbuilder.values import MAX_BYTES, Json, JsonObject

_URL = re.compile(r"https?://|[/?]|\.{1,2}/|[^:]*\?|[^:?#]+\.(?:json|xml|html|php)$", re.IGNORECASE)
"""What a text that leads to the next page begins with, or is; a cursor is none of these."""


class Next(Record):
    """What is sent to get the next page: a `cursor` from the answer, the number of a `page`, or an `offset`."""

    cursor: str | None = Field(default=None, min_length=1, description="the path of the cursor, such as body.next")
    page: int | None = Field(default=None, ge=0, description="the number of the first page; it grows by one")
    offset: int | None = Field(
        default=None, ge=0, description="the number of the first item; it grows by the items of each page"
    )
    sent_as: str = Field(alias="as", pattern=r"^query\.\S+$", description="where it is sent, such as query.after")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.cursor, self.page, self.offset)) != 1:
            raise ValueError("next has one of cursor, page and offset")
        return self


class Paginate(Record):
    """Follow the pages of a list, and join what they have.

    `next` is `link` (the header), the dotted path of the next URL in the body, or a `Next`. `items` is the dotted path
    of the list in each page (empty: the body). A path may begin with `body.` or `headers.`.
    """

    next: str | Next = "link"
    items: str = ""
    max_pages: int = Field(default=100, ge=1, le=1000)
    on_more: Literal["fail", "stop"] = Field(
        default="fail",
        description="where there is more than can be read: the step fails, or it stops with truncated: true",
    )
    total: str | None = Field(
        default=None, min_length=1, description="the path of the number of all items, such as headers.x-total-count"
    )
    more: str | None = Field(
        default=None, min_length=1, description="the path of a truth value: whether there is a further page"
    )
    end_status: tuple[int, ...] = Field(
        default=(), description="statuses that mean, after the first page, that the list has ended"
    )

    @field_validator("end_status", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


class _Stop(Exception):
    """There may be more, and it cannot be read; the message says why."""


@dataclass(kw_only=True)
class Pages:
    """The pages of one list. `send` sends a request and raises for what is no success; `read` gives the output for an
    answer."""

    paginate: Paginate
    send: Callable[[ports.HttpRequest], Awaitable[ports.HttpResponse]]
    read: Callable[[ports.HttpResponse], Awaitable[JsonObject]]
    items: list[Json] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    size: int = 0

    async def all(self, first: ports.HttpRequest) -> JsonObject:
        """The output of the last page, with the joined lists as `body`, and `truncated`: whether there may be more."""
        request: ports.HttpRequest | None = self._first(first)
        output: JsonObject = {}
        truncated = False
        before: list[Json] | None = None
        for number in range(1, self.paginate.max_pages + 1):
            assert request is not None
            try:
                answer = await self.send(request)
            except StepError as problem:
                if number > 1 and problem.code in {f"http_{status}" for status in self.paginate.end_status}:
                    request = None
                    break
                raise
            try:
                output = await self._page(answer)
                page = items_of(output, self.paginate.items)
                if page and page == before and self._counts:
                    raise _Stop(f"page {number} is the same as the one before; the server may not know {self._sent_as}")
                self.items, before = self.items + page, page
                request = self._next(request, answer, output, page)
                if request is None:
                    break
                if number == self.paginate.max_pages:
                    raise _Stop(f"there are more than {number} pages; raise max_pages")
            except _Stop as stop:
                if self.paginate.on_more == "fail":
                    message = f"{stop}. With on_more: stop the step ends there, with truncated: true"
                    raise StepError(message, code="paginate", detail={"items": len(self.items)}) from None
                truncated = True
                break
        return {**output, "body": self.items, "truncated": truncated}

    @property
    def _counts(self) -> bool:
        following = self.paginate.next
        return isinstance(following, Next) and following.cursor is None

    @property
    def _sent_as(self) -> str:
        return self.paginate.next.sent_as if isinstance(self.paginate.next, Next) else ""

    async def _page(self, answer: ports.HttpResponse) -> JsonObject:
        self.size += len(answer.body)
        if self.size > MAX_BYTES and self.items:
            if self.paginate.on_more == "stop":
                raise _Stop("")
            raise StepError(f"the pages of the list have more than {MAX_BYTES:,} bytes", code="too_large")
        return await self.read(answer)

    def _first(self, request: ports.HttpRequest) -> ports.HttpRequest:
        following = self.paginate.next
        if not isinstance(following, Next) or following.cursor is not None:
            return request
        return self._with(request, following.page if following.page is not None else following.offset)

    def _with(self, request: ports.HttpRequest, value: str | int | None) -> ports.HttpRequest:
        from flowbuilder.ports.url import without_parameters  # here: validating a document sends nothing

        name = self._sent_as.removeprefix("query.")
        return changed(
            request, url=without_parameters(request.url, {name}), query={**(request.query or {}), name: value}
        )

    def _next(
        self, request: ports.HttpRequest, answer: ports.HttpResponse, output: JsonObject, page: list[Json]
    ) -> ports.HttpRequest | None:
        """The request for the next page; None where the list has certainly ended, `_Stop` where that is not known."""
        more, total = self._more(output), self._total(output)
        if (
            more is False
            or (self._counts and not page)
            or (self._counts and total is not None and len(self.items) >= total)
        ):
            found = None
        else:
            found = self._following(request, answer, output, len(page))
        if found is None and more:
            raise _Stop(f"{self.paginate.more} says that there is a further page, and the answer does not name it")
        if found is None and total is not None and len(self.items) < total:
            raise _Stop(f"the list has ended after {len(self.items):,} of {total:,} items")
        return found

    def _following(
        self, request: ports.HttpRequest, answer: ports.HttpResponse, output: JsonObject, count: int
    ) -> ports.HttpRequest | None:
        following = self.paginate.next
        if isinstance(following, str):
            place = _link(answer) if following == "link" else _url(_at(output, following), following)
            return None if place is None else self._request_at(request, answer, place)
        if following.cursor is None:
            name = self._sent_as.removeprefix("query.")
            now = (request.query or {})[name]
            return self._with(request, now + (1 if following.page is not None else count))
        cursor = _cursor(_at(output, following.cursor), following.cursor)
        if cursor is not None:
            self._not_seen(str(cursor), f"the cursor {str(cursor)!r:.100}")
            return self._with(request, cursor)
        return None

    def _request_at(self, request: ports.HttpRequest, answer: ports.HttpResponse, place: str) -> ports.HttpRequest:
        try:
            url = ports.join_url(answer.url, place)
            same = ports.origin_of(url) == ports.origin_of(answer.url)
        except StepError:
            raise _Stop(f"the next page {place!r:.200} is no URL") from None
        if not same:
            raise _Stop(f"the next page is on another site: {url:.200}")
        self.seen.add(answer.url)
        self._not_seen(url, f"the next page {url:.200}")
        return request.at(url)

    def _not_seen(self, key: str, what: str) -> None:
        if key in self.seen:
            raise _Stop(f"{what} was read already; the list leads back to itself")
        self.seen.add(key)

    def _more(self, output: JsonObject) -> bool | None:
        """What the answer says about a further page; None where the author names no place of it."""
        if self.paginate.more is None:
            return None
        found = _at(output, self.paginate.more)
        if isinstance(found, bool) or found is None:
            return bool(found)
        text = str(found).strip().lower() if isinstance(found, str | int) else ""
        if text in ("true", "1", "false", "0", ""):
            return text in ("true", "1")
        raise StepError(f"{self.paginate.more} is {found!r:.60}, not true or false", code="paginate")

    def _total(self, output: JsonObject) -> int | None:
        """The number of all items; None where the author names no place of it."""
        if self.paginate.total is None:
            return None
        found = _at(output, self.paginate.total)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, str) and found.strip().isdecimal() and len(found) < 16:
            return int(found)
        raise StepError(f"{self.paginate.total} is {found!r:.60}, not a number of items", code="paginate")


def items_of(output: JsonObject, where: str) -> list[Json]:
    """The list of a page; `StepError` where there is none. A page without content (204) has no items."""
    if output["status"] == 204 and output["body"] is None:
        return []
    found = _at(output, where) if where else output["body"]
    if not isinstance(found, list):
        place = f"at {where}" if where else "in its body"
        raise StepError(f"a page of the list has no list {place}", code="paginate")
    return found


def _link(answer: ports.HttpResponse) -> str | None:
    from flowbuilder.steps.http.links import Malformed, targets  # here: validating a document reads no answer

    header = answer.headers.get("link", "")
    found: dict[str, None] = {}
    try:
        for target in targets(header, "next"):
            found[target] = None
    except Malformed:
        if not found and "next" in header.lower():
            raise _Stop(f"the Link header cannot be read: {header!r:.200}") from None
    if len(found) > 1:
        raise _Stop(f"the Link header names several next pages: {', '.join(found)!r:.200}")
    return next(iter(found), None)


def _url(found: Json, where: str) -> str | None:
    if found is None or found == "" or found is False:
        return None
    if isinstance(found, str) and _URL.match(found.strip()):
        return found.strip()
    cursor = f"; a cursor or a number is sent with next: {{cursor: body.{where.removeprefix('body.')}, as: query.NAME}}"
    raise _Stop(f"{where} is {found!r:.100}, which is no URL{cursor if isinstance(found, str | int) else ''}")


def _cursor(found: Json, where: str) -> str | int | None:
    if found is None or found == "" or found is False:
        return None
    if isinstance(found, str | int) and found is not True:
        return found
    raise _Stop(f"{where} is {found!r:.100}, which is no cursor")


def _at(output: JsonObject, where: str) -> Json:
    """The value at a dotted path of the body, or of the answer where the path begins with `body.` or `headers.`."""
    found = _inside(output["body"], where)
    if found is None and where.partition(".")[0] in ("body", "headers"):
        found = _inside(output, where)
    return found


def _inside(value: Any, where: str) -> Json:
    for name in where.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value  # type: ignore[no-any-return]
