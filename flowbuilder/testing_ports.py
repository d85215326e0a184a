"""Fakes of the outside world. They obey the same contract tests as the adapters; `flowbuilder.testing` exports them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from flowbuilder.adapters.extract import extract_page
from flowbuilder.adapters.sample import sample_of
from flowbuilder.effect import Effect, TargetClass
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.json_schema import problems
from flowbuilder.ports import (
    CmsPage,
    CmsWrite,
    HttpRequest,
    HttpResponse,
    LanguageModel,
    Ledger,
    ModelAnswer,
    ModelRequest,
    Ports,
    Sandbox,
    SearchQuery,
)
from flowbuilder.values import Json, JsonObject, digest_text

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves only when someone sleeps or `advance` is called. It begins on Monday, 5 January 2026."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return at once; so many seconds have passed."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=max(0.0, seconds))


FakeAnswer = HttpResponse | str | bytes | JsonObject | list[Any] | Exception | Callable[[HttpRequest], HttpResponse]


class FakeHttp:
    """Answers by `"METHOD URL"`, or by URL alone for GET. What it has no answer for is a 404.

    An answer is a response, an HTML text, a JSON value (sent as JSON), an exception to raise, or a function of the
    request. `requests` are those that were sent.
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


Reply = Json | Exception
Replies = Callable[[ModelRequest], Reply] | Sequence[Reply] | Mapping[str, Reply]


class FakeModel:
    """Answers from a function of the request, a list in turn (the last one repeats), or a map by model name.

    Without any of them, the answer is the smallest sensible object for the schema, or `{"text": "fake answer"}`. A
    plain text stands for `{"text": ...}`. An answer that does not match the request's schema is a `StepError`.
    """

    def __init__(self, replies: Replies | None = None, *, usage: JsonObject | None = None) -> None:
        self._replies = replies
        self._usage = usage or {"requests": 1, "input_tokens": 0, "output_tokens": 0, "usd": 0.0}
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The next answer."""
        self.requests.append(request)
        reply = self._reply(request)
        if isinstance(reply, Exception):
            raise reply
        if request.output_schema is None:
            output: Json = {"text": reply} if isinstance(reply, str) else reply
        else:
            output = reply
            found = problems(request.output_schema, output)
            if found:
                raise StepError(f"the answer does not match its schema: {found[0][1]}", code="schema_mismatch")
        return ModelAnswer(output=output, usage=dict(self._usage))

    def _reply(self, request: ModelRequest) -> Reply:
        replies = self._replies
        if replies is None:
            return sample_of(request.output_schema) if request.output_schema else "fake answer"
        if callable(replies):
            return replies(request)
        if isinstance(replies, Mapping):
            if request.model not in replies:
                raise StepError(f"the fake knows no model {request.model}", code="unknown_model")
            return replies[request.model]
        return replies[min(len(self.requests), len(replies)) - 1]


class FakeConnections:
    """Connections from a mapping."""

    def __init__(self, known: Mapping[str, JsonObject] | None = None) -> None:
        self._known = dict(known or {})

    async def get(self, name: str) -> JsonObject:
        """The connection; `ConfigurationError` when there is none of that name."""
        if name not in self._known:
            raise ConfigurationError(f"there is no connection {name!r}")
        return dict(self._known[name])


class MemoryCms:
    """A CMS in memory: a mapping of URL to body. `writes` are those that changed something, in order."""

    target_class: TargetClass = "lookup"

    def __init__(self, pages: Mapping[str, str] | None = None) -> None:
        self._pages: dict[str, CmsPage] = {}
        self.writes: list[CmsWrite] = []
        for url, body in (pages or {}).items():
            self.put(url, body)

    async def __call__(self, site: JsonObject) -> MemoryCms:
        """Itself, for every site: a `ports.CmsForSite` too."""
        return self

    def put(self, url: str, body: str, *, title: str = "", description: str = "") -> CmsPage:
        """Someone else's edit: not among the `writes`."""
        known = self._pages.get(url)
        revision = str(int(known.revision) + 1 if known else 1)
        page = CmsPage(
            url=url,
            title=title,
            body=body,
            description=description,
            revision=revision,
            hash=digest_text(body),
            live_url=url,
        )
        self._pages[url] = page
        return page

    async def read(self, url: str) -> CmsPage:
        """The page; `NotFound`."""
        if url not in self._pages:
            raise NotFound(f"there is no page {url}")
        return self._pages[url]

    async def update(self, write: CmsWrite) -> CmsPage:
        """Change a page. A write that is there already changes nothing."""
        known = await self.read(write.url)
        title = known.title if write.title is None else write.title
        body = known.body if write.body is None else write.body
        description = known.description if write.description is None else write.description
        if (title, body, description) == (known.title, known.body, known.description):
            return known
        if write.if_unchanged is not None and known.hash != write.if_unchanged:
            raise Conflict(f"{write.url} changed since it was read")
        self.writes.append(write)
        return self.put(write.url, body, title=title, description=description)

    async def create(self, write: CmsWrite) -> CmsPage:
        """Make a page; `Conflict` when there is another one at its URL."""
        known = self._pages.get(write.url)
        if known is not None:
            if known.body == write.body:
                return known
            raise Conflict(f"{write.url} exists already")
        self.writes.append(write)
        return self.put(write.url, write.body or "", title=write.title or "", description=write.description or "")


class FakeSearchConsole:
    """Rows given beforehand, whatever is asked, up to the row limit. `queries` are those that were asked."""

    def __init__(self, rows: Iterable[JsonObject] = (), *, final_until: str | None = None) -> None:
        self._rows = list(rows)
        self._final_until = final_until
        self.queries: list[SearchQuery] = []

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """The rows."""
        self.queries.append(query)
        return {"rows": self._rows[: query.row_limit], "final_until": self._final_until or query.end_date}

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """A page that is indexed."""
        return {"indexStatusResult": {"verdict": "PASS", "coverageState": "Submitted and indexed"}}


@dataclass
class MemoryLedger:
    """An effect ledger without a store; `effects` by key. It survives a "crash" when a test keeps the object."""

    clock: FakeClock = field(default_factory=FakeClock)
    effects: dict[str, Effect] = field(default_factory=dict)
    approved_hashes: set[str] = field(default_factory=set)

    async def begin(self, *, key: str, path: str, target: str, target_class: TargetClass, request_hash: str) -> Effect:
        """The intent; the effect as it stands when it was begun before."""
        known = self.effects.get(key)
        if known is not None:
            return replace(known, resumed=True)
        self.effects[key] = Effect(
            key=key,
            execution_id="test",
            path=path,
            target=target,
            target_class=target_class,
            status="intended",
            request_hash=request_hash,
            created_at=self.clock.now(),
        )
        return self.effects[key]

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """The receipt."""
        self.effects[key] = replace(self.effects[key], status="done", receipt=receipt, inverse=inverse)

    async def unknown(self, key: str, *, reason: str) -> None:
        """Nobody knows."""
        self.effects[key] = replace(self.effects[key], status="unknown", detail={"reason": reason})

    async def approved(self, content_hash: str) -> bool:
        """Whether the test said so."""
        return content_hash in self.approved_hashes


def fake_ports(
    *,
    http: FakeHttp | None = None,
    models: LanguageModel | None = None,
    cms: MemoryCms | None = None,
    connections: FakeConnections | None = None,
    clock: FakeClock | None = None,
    search_console: FakeSearchConsole | None = None,
    sandbox: Sandbox | None = None,
    ledger: Ledger | None = None,
) -> Ports:
    """Ports made of fakes. The sandbox and the page extractor are the real ones: they touch nothing outside."""
    return Ports(
        http=http or FakeHttp(),
        models=models or FakeModel(),
        sandbox=sandbox or _sandbox(),
        connections=connections or FakeConnections(),
        cms=cms or MemoryCms(),
        clock=clock or FakeClock(),
        extract=extract_page,
        search_console=search_console or FakeSearchConsole(),
        ledger=ledger,
    )


@cache
def _sandbox() -> Sandbox:
    from flowbuilder.adapters.sandbox import MontySandbox

    return MontySandbox()
