"""Saves drafts: the route to which the review page sends a comment and an edit while they are typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse

from flowbuilder.app import App
from flowbuilder.errors import Conflict, FlowbuilderError, NotFound, Refused
from flowbuilder.model.review_draft import MAX_DRAFT_LENGTH, Draft
from review_app.identity import NotSignedIn, Person

MAX_BODY = 6 * MAX_DRAFT_LENGTH
"""The most bytes of a request: JSON writes some characters with six."""


class BadRequest(ValueError):
    """The request is not a draft; the message says why."""


class DraftRoute:
    """Serves `POST /drafts/{review_id}`. The user is the one of the request, never one that the body names."""

    def __init__(self, open_app: Callable[[], App], authorize: Callable[[Request], Person]) -> None:
        """`authorize` returns the user of a request; it raises `NotSignedIn` for one that is refused."""
        self._open_app = open_app
        self._authorize = authorize

    async def handle(self, request: Request) -> JSONResponse:
        """200 with the new revision; 409 with the stored draft when another window has changed it; 410 when the review
        is decided; 400, 403, 404, 413, 503 with a message."""
        try:
            person = self._authorize(request)
            change = _change_of(request, await _body(request))
        except NotSignedIn as refusal:
            return _message(403, str(refusal))
        except BadRequest as problem:
            return _message(400, str(problem))
        except OverflowError:
            return _message(413, f"a draft has at most {MAX_DRAFT_LENGTH:,} characters")
        try:
            return await asyncio.to_thread(self._save, request.path_params["review_id"], person.name, change)
        except NotFound:
            return _message(404, "review not found")
        except Refused as refused:
            return _message(413, refused.message)
        except FlowbuilderError as problem:
            return _message(503, problem.message)

    def _save(self, review_id: str, by: str, change: dict[str, str | int]) -> JSONResponse:
        store = self._open_app().store
        review = store.review(review_id)
        if not review.awaits_decision:
            return _message(410, "this review is decided")
        stored = store.draft(review_id, by) or Draft(review_id=review_id, by=by)
        try:
            saved = store.save_draft(replace(stored, **change))  # type: ignore[arg-type]
        except Conflict:
            now = store.draft(review_id, by) or stored
            text = {"comment": now.comment, "edit": now.edit}
            return JSONResponse({**text, "revision": now.revision}, status_code=409)
        return JSONResponse({"revision": saved.revision})


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise OverflowError
    return body


def _change_of(request: Request, body: bytes) -> dict[str, str | int]:
    """The fields that a request changes."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequest("a draft is sent as application/json")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("a draft is sent as JSON") from None
    if not isinstance(sent, dict):
        raise BadRequest("a draft is a JSON object")
    revision = sent.get("revision")
    if type(revision) is not int or not 0 <= revision < 2**31:
        raise BadRequest("revision: a number is required")
    change: dict[str, str | int] = {"revision": revision}
    for name in ("comment", "edit", "window", "content_hash"):
        value = sent.get(name)
        if value is None and name in ("comment", "edit"):
            continue
        if not isinstance(value, str) or (name in ("window", "content_hash") and len(value) > 64):
            raise BadRequest(f"{name}: a text is required")
        change[name] = value
    return change


def _message(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status_code=status)
