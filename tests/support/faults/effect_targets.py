"""Targets that survive a crash: a site, an HTTP service and a model. Each logs every call with its key."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.errors import TransientError
from flowbuilder.ports import CmsPage, CmsWrite, HttpRequest, HttpResponse, ModelAnswer, ModelRequest
from flowbuilder.testing import FakeModel, MemoryCms
from flowbuilder.testing.fakes import respond
from flowbuilder.values import JsonObject
from tests.support.faults.crash_injection import CrashInjector, CrashProxy


class Site(MemoryCms):
    """A CMS that logs every write."""

    def __init__(self, pages: dict[str, str]) -> None:
        super().__init__(pages)
        self.calls: list[str] = []

    async def update(self, write: CmsWrite) -> CmsPage:
        self.calls.append(write.idempotency_key or "")
        return await super().update(write)


class CrashableSite(CrashProxy):
    """A CMS behind a `CrashProxy`, opened for a site."""

    def __init__(self, inner: Site, injector: CrashInjector) -> None:
        super().__init__(inner, injector, "cms")

    async def __call__(self, site: JsonObject) -> CrashableSite:
        return self


@dataclass
class Service:
    """An HTTP service. `PUT /keyed` honours the idempotency key; `POST /bare` cannot deduplicate."""

    applied: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    seen: dict[str, HttpResponse] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    async def send(self, request: HttpRequest) -> HttpResponse:
        path = request.url.removeprefix("https://service.example")
        if self.failures.get(path, 0) > 0:
            self.failures[path] -= 1
            raise TransientError("busy", reason="rate_limit", retry_after=120.0)
        if request.method == "GET":
            return respond({"path": path, "number": len(path)}, url=request.url)
        key = request.idempotency_key or ""
        self.calls.append((f"{request.method} {path}", key))
        if request.method == "PUT":
            if key not in self.seen:
                self.applied.append(f"PUT {path}")
                self.seen[key] = respond({"revision": self.applied.count(f"PUT {path}")}, url=request.url)
            return self.seen[key]
        self.applied.append(f"{request.method} {path}")
        return respond({"accepted": path}, url=request.url)


class Writer(FakeModel):
    """A model that counts the answers that were paid for."""

    def __init__(self) -> None:
        super().__init__()
        self.bought = 0

    async def _answer(self, request: ModelRequest) -> ModelAnswer:
        self.bought += 1
        return ModelAnswer(output={"text": "written"}, usage=dict(self._usage))


@dataclass
class Targets:
    """The targets of one scenario."""

    site: Site
    service: Service = field(default_factory=Service)
    model: Writer = field(default_factory=Writer)

    def keyed_calls(self) -> Counter[str]:
        """The number of calls by effect key."""
        return Counter([*self.site.calls, *(key for _, key in self.service.calls)])

    def unkeyed(self) -> list[Any]:
        """The calls without a key."""
        return [call for call in [*self.site.calls, *(key for _, key in self.service.calls)] if not call]
