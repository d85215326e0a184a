"""Writes over HTTP: the answer to the write is its outcome; the page that a redirect names changes nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.steps.http.answers import output_of, receipt_of
from flowbuilder.values import JsonObject

MAX_REDIRECTS = 5
NOT_MADE = frozenset({301, 307, 308})
"""Redirects with which a server says that the resource is at another address, so nothing was done."""
MIN_SECONDS = 0.5
"""The least time in which a page that a write names is asked for."""


async def write(http: ports.Http, request: ports.HttpRequest) -> JsonObject:
    """Send a write; the receipt of a 2xx, or of a 303, which says that it was made and where its result can be read.

    307 and 308 are followed with the same method, body and key (RFC 9110, 15.4.8 and 15.4.9) as long as they stay at
    the origin; every other status raises, as `ensure_status` does. The body of the answer decides nothing.
    """
    for _ in range(MAX_REDIRECTS + 1):
        answer = await http.send(request)
        place = answer.headers.get("location", "")
        if answer.status == 303:
            return receipt_of(_with_absolute_location(answer, place))
        if not (300 <= answer.status < 400 and (place or answer.status in NOT_MADE)):
            answer.ensure_status(f"{request.method} {request.url}")
            return receipt_of(answer)
        following = ports.join_url(answer.url, place) if _is_url(answer.url, place) else ""
        same = bool(following) and ports.origin_of(following) == ports.origin_of(request.url)
        if answer.status not in (307, 308) or not same:
            raise _moved(request, answer.status, following, place)
        request = request.at(following)
    raise StepError(f"more than {MAX_REDIRECTS} redirects from {request.url:.200}", code="redirects", definitive=True)


def _with_absolute_location(answer: ports.HttpResponse, place: str) -> ports.HttpResponse:
    if not _is_url(answer.url, place):
        return answer  # the write was made all the same
    return replace(answer, headers={**answer.headers, "location": ports.join_url(answer.url, place)})


def _is_url(base: str, place: str) -> bool:
    """Whether a `Location` leads to a URL of HTTP."""
    try:
        return bool(place) and bool(ports.origin_of(ports.join_url(base, place)))
    except StepError:
        return False


def _moved(request: ports.HttpRequest, status: int, url: str, written: str) -> StepError:
    """The error for a redirect that is not followed, to `url` or, as `written`, to none. It is refused by 301, 307 and
    308; many servers answer 302 to a write that they have made."""
    said = {
        301: "for good; clients may turn a write into a GET there, so it was not followed",
        302: "for now; clients turn a write into a GET there, so it was not followed. The write may have been made",
        307: "for now, at another site, to which nothing was sent",
        308: "for good, at another site, to which nothing was sent",
    }.get(status, "to another address; it was not followed")
    hint = f"; if that is where it belongs, write url: {url:.300}"
    if not url:
        said, hint = "to what is no URL", f": {written:.300}" if written else ""
    message = f"{request.method} {request.url} answered {status}, moved {said}{hint}"
    detail: JsonObject = {"status": status, "location": (url or written)[:2000]}
    return StepError(message, code=f"http_{status}", detail=detail, definitive=status in NOT_MADE)


async def result_page(
    receipt: JsonObject,
    request: ports.HttpRequest,
    send: Callable[[ports.HttpRequest], Awaitable[ports.HttpResponse]],
) -> JsonObject:
    """The output for the page that a 303 names; the receipt for any other status, and where that page fails: the write
    was made, and what is answered to the GET changes nothing of that."""
    place = receipt["headers"].get("location", "")
    if receipt["status"] != 303 or not place or request.timeout < MIN_SECONDS:
        return receipt
    try:
        there = request.at(place)
        kept = {name: value for name, value in there.headers.items() if not name.lower().startswith("content-")}
        none: JsonObject = {"json": None, "form": None, "content": None, "content_type": "", "multipart": ()}
        read = replace(there, method="GET", headers=kept, idempotency_key=None, **none)
        answer = await send(read)
        return output_of(answer) if 200 <= answer.status < 300 else receipt
    except StepError:
        return receipt
