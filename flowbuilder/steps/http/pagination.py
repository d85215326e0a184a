"""Lists in pages: where the next page is, and whether there is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.steps.http.next_page import MISSING, Stop, items_of, next_cursor, next_link, next_url, value_at
from flowbuilder.steps.step import Record
from flowbuilder.values import MAX_BYTES, Json, JsonObject


class Next(Record):
    """What is sent to get the next page: a `cursor` from the answer, the number of a `page`, or an `offset`."""

    cursor: str | None = Field(
        default=None, min_length=1, description="the path of the cursor, such as body.next or body.data.-1.id"
    )
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
    of the list in each page (empty: the body). A path may begin with `body.` or `headers.`; a number in it is an item
    of a list, -1 the last one.
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


@dataclass(kw_only=True)
class Pages:
    """The pages of one list. `send` sends a request and raises for what is no success; `read` gives the output for an
    answer."""

    paginate: Paginate
    send: Callable[[ports.HttpRequest], Awaitable[ports.HttpResponse]]
    read: Callable[[ports.HttpResponse], Awaitable[JsonObject]]
    path: tuple[str, ...] | None = None
    """The names that lead to the list in the body, where they are certain."""
    items: list[Json] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    """The paths of `paginate` that a page had."""
    warnings: list[str] = field(default_factory=list)
    size: int = 0
    total: int | None = None
    """The number of all items, as the last page says it."""

    async def all(self, first: ports.HttpRequest) -> JsonObject:
        """The output of the last page, with the joined lists as `body`, `truncated`: whether there may be more, and
        `warnings`: why it is not certain that the list has ended."""
        request: ports.HttpRequest | None = self._first(first)
        output: JsonObject = {}
        truncated = False
        before: list[Json] | None = None
        for number in range(1, self.paginate.max_pages + 1):
            assert request is not None
            try:
                try:
                    answer = await self.send(request)
                except StepError as problem:
                    if number > 1 and problem.code in {f"http_{status}" for status in self.paginate.end_status}:
                        self._ensure_total()
                        break
                    raise
                output = await self._page(answer)
                page = items_of(output, self.paginate.items, self.path)
                if page and page == before and self._counts:
                    raise Stop(f"page {number} is the same as the one before; the server may not know {self._sent_as}")
                self.items, before = self.items + page, page
                request = self._next(request, answer, output, page)
                if request is None:
                    break
                if number == self.paginate.max_pages:
                    raise Stop(f"there are more than {number} pages; raise max_pages")
            except Stop as stop:
                if self.paginate.on_more == "fail":
                    message = f"{stop}. With on_more: stop the step ends there, with truncated: true"
                    raise StepError(message, code="paginate", detail={"items": len(self.items)}) from None
                truncated = True
                break
        return {**output, "body": self.items, "truncated": truncated, "warnings": self.warnings}

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
                raise Stop("")
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
        """The request for the next page; None where the list has certainly ended, `Stop` where that is not known."""
        more, total = self._more(output), self._total(output)
        self.total = total
        if (
            more is False
            or (self._counts and not page)
            or (self._counts and len(self.items) == total)  # where there are more, the total is wrong: read on
        ):
            found = None
        else:
            found = self._following(request, answer, output, len(page))
        if found is None and more:
            raise Stop(f"{self.paginate.more} says that there is a further page, and the answer does not name it")
        if found is None:
            self._ensure_total()
        if found is None and more is None and total is None and not self._counts:
            self._ensure_end(answer, output, page)
        return found

    def _ensure_total(self) -> None:
        if self.total is not None and len(self.items) < self.total:
            raise Stop(f"the list has ended after {len(self.items):,} of {self.total:,} items")

    def _ensure_end(self, answer: ports.HttpResponse, output: JsonObject, page: list[Json]) -> None:
        """Raise `Stop` where a page that names no next one says that there is one; a warning where that cannot be
        told, because no page has the place."""
        from flowbuilder.steps.http import list_ends  # here: validating a document reads no answer

        following, body, items = self.paginate.next, output["body"], self.paginate.items
        where = following if isinstance(following, str) else str(following.cursor)
        place = "the header link" if where == "link" else where
        if says := list_ends.says_more(body, items):
            raise Stop(f"{says} says that there is a further page, and {place} names none; correct next")
        if where in self.known or body is None:
            return
        hint = f"the answer has no {place}"
        read = {"headers": output["headers"]} if where.startswith("headers.") else body
        wanted = "next" if where == "link" else where
        if elsewhere := list_ends.next_elsewhere(read, wanted, items):
            raise Stop(f"{hint}, and has {elsewhere}; did you mean that with next?")
        if counted := list_ends.counts_more(body, items, len(page)):
            raise Stop(f"{hint}, and {counted} says that there are more items than these {len(page):,}; correct next")
        known = list_ends.names_in(body, items)
        self.warnings.append(
            f"no page has {place}, so this counts as the end of the list. Beside its items it has: {known}"
        )

    def _following(
        self, request: ports.HttpRequest, answer: ports.HttpResponse, output: JsonObject, count: int
    ) -> ports.HttpRequest | None:
        following = self.paginate.next
        if isinstance(following, str):
            if "link" in answer.headers:
                self.known.add("link")
            place = next_link(answer) if following == "link" else next_url(self._at(output, following), following)
            return None if place is None else self._request_at(request, answer, place)
        if following.cursor is None:
            name = self._sent_as.removeprefix("query.")
            now = (request.query or {})[name]
            return self._with(request, now + (1 if following.page is not None else count))
        cursor = next_cursor(self._at(output, following.cursor), following.cursor)
        if cursor is not None:
            self._not_seen(str(cursor), f"the cursor {str(cursor)!r:.100}")
            return self._with(request, cursor)
        return None

    def _request_at(self, request: ports.HttpRequest, answer: ports.HttpResponse, place: str) -> ports.HttpRequest:
        try:
            url = ports.join_url(answer.url, place)
            same = ports.origin_of(url) == ports.origin_of(answer.url)
        except StepError:
            raise Stop(f"the next page {place!r:.200} is no URL") from None
        if not same:
            raise Stop(f"the next page is on another site: {url:.200}")
        self.seen.add(answer.url)
        self._not_seen(url, f"the next page {url:.200}")
        return request.at(url)

    def _not_seen(self, key: str, what: str) -> None:
        if key in self.seen:
            raise Stop(f"{what} was read already; the list leads back to itself")
        self.seen.add(key)

    def _more(self, output: JsonObject) -> bool | None:
        """What the answer says about a further page; None where the author names no place of it, or no page has it."""
        if self.paginate.more is None:
            return None
        found = self._at(output, self.paginate.more)
        if self.paginate.more not in self.known:
            return None
        if isinstance(found, bool) or found is None:
            return bool(found)
        text = str(found).strip().lower() if isinstance(found, str | int) else ""
        if text in ("true", "1", "false", "0", ""):
            return text in ("true", "1")
        raise StepError(f"{self.paginate.more} is {found!r:.60}, not true or false", code="paginate")

    def _at(self, output: JsonObject, where: str) -> Json:
        """The value at a path; notes where an answer has it, if only as null."""
        found = value_at(output, where)
        if found is not MISSING:
            self.known.add(where)
        return None if found is MISSING else found

    def _total(self, output: JsonObject) -> int | None:
        """The number of all items; None where the author names no place of it."""
        if self.paginate.total is None:
            return None
        found = self._at(output, self.paginate.total)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, str) and found.strip().isdecimal() and len(found) < 16:
            return int(found)
        raise StepError(f"{self.paginate.total} is {found!r:.60}, not a number of items", code="paginate")
