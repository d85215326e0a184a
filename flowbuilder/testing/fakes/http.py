"""HTTP without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flowbuilder.ports import HttpRequest, HttpResponse
from flowbuilder.values import JsonObject

FakeAnswer = HttpResponse | str | bytes | JsonObject | list[Any] | Exception | Callable[[HttpRequest], HttpResponse]


class FakeHttp:
    """Answers by `"METHOD URL"`, or by URL alone for GET. Without an answer: 404.

    An answer is a response, an HTML text, a JSON value (sent as JSON), an exception to raise, or a function of the
    request. `requests` records them.
    """

    def __init__(self, answers: Mapping[str, FakeAnswer] | None = None) -> None:
        self._answers = dict(answers or {})
        self.requests: list[HttpRequest] = []

    def on(self, place: str, answer: FakeAnswer) -> FakeHttp:
        """Add or replace an answer."""
        self._answers[place] = answer
        return self

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer for the request; raises it when it is an exception."""
        self.requests.append(request)
        query = urlencode({k: v for k, v in (request.query or {}).items() if v is not None}, doseq=True)
        full = f"{request.url}?{query}" if query else request.url
        keys = [f"{request.method} {full}", f"{request.method} {request.url}"]
        if request.method == "GET":
            keys += [full, request.url]
        answer = next((self._answers[key] for key in keys if key in self._answers), None)
        if answer is None:
            return respond("not found", status=404, url=full)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, HttpResponse):
            return answer if answer.url else replace(answer, url=full)
        return answer(request) if callable(answer) else respond(answer, url=full)


def respond(
    body: Any = "", *, status: int = 200, headers: Mapping[str, str] | None = None, url: str = ""
) -> HttpResponse:
    """A response: text is sent as HTML, bytes as they are, every other value as JSON."""
    if isinstance(body, bytes):
        content, kind = body, "application/octet-stream"
    elif isinstance(body, str):
        content, kind = body.encode(), "text/html; charset=utf-8"
    else:
        content, kind = json.dumps(body).encode(), "application/json"
    sent = {"content-type": kind, **{name.lower(): value for name, value in (headers or {}).items()}}
    return HttpResponse(status=status, headers=sent, body=content, url=url)
