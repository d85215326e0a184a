"""Ingress of a step run: known secrets are replaced in everything that the ports return or raise.

So a secret that a server sends back is neither stored nor logged, nor shown to a model or a reviewer. What goes out is
not changed: approved content is sent as it was approved.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from flowbuilder.engine.ingress.http import Guard, HttpGuard, clean_errors
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.review import ReviewRequest
from flowbuilder.plan.nodes import Block, Plan, blocks_below
from flowbuilder.ports import (
    Cms,
    CmsField,
    CmsPage,
    CmsWrite,
    EmbeddingRequest,
    Embeddings,
    McpAnswer,
    McpSession,
    McpTool,
    ModelAnswer,
    ModelRequest,
    Ports,
    Publishable,
    SearchQuery,
    SqlAnswer,
    SqlRequest,
    StatementMade,
    ToolCheck,
)
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.values import Json, JsonObject

PROVIDER_VARIABLES = ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")
"""Environment variables with keys that a model without a connection uses."""


def connection_names(plan: Plan, site: JsonObject) -> tuple[str, ...]:
    """The connections that an execution may use: those of its steps, and those of its site."""
    names = (name for name in _names_in(plan.block) if isinstance(name, str) and name)
    return tuple(dict.fromkeys([*names, *site_connections(site)]))


def site_connections(site: JsonObject) -> tuple[str, ...]:
    """The connections of a site's CMS and of its Search Console property."""
    parts = [part for part in (site.get("cms"), site.get("gsc")) if isinstance(part, dict)]
    return tuple(str(part["connection"]) for part in parts if part.get("connection"))


async def read_secrets(secrets: KnownSecrets, ports: Ports, names: Iterable[str]) -> None:
    """Make the secrets of these connections known. One that cannot be read is left to the step that needs it."""

    async def read(name: str) -> None:
        with suppress(FlowbuilderError):
            secrets.add_connection(name, await ports.connections.get(name))

    await asyncio.gather(*map(read, names))
    for variable in PROVIDER_VARIABLES:
        secrets.add(f"secret of {variable}", filter(None, [os.environ.get(variable)]))


def guarded_ports(ports: Ports, secrets: KnownSecrets) -> Ports:
    """The ports, with known secrets replaced in their answers and errors. A connection that is read becomes known."""

    async def cms(site: JsonObject) -> Cms:
        await read_secrets(secrets, ports, site_connections(site))  # it may have changed since the execution began
        with clean_errors(secrets):
            return _Cms(await ports.cms(site), secrets)

    return replace(
        ports,
        secrets=secrets,
        http=HttpGuard(ports.http, secrets),
        models=_Models(ports.models, secrets),
        connections=_Connections(ports.connections, secrets),
        # a page may be in an encoding that hides a secret from the search in its bytes
        extract=secrets.cleaned(ports.extract) if ports.extract else None,
        cms=cms,
        search_console=_SearchConsole(ports, secrets) if ports.search_console else None,
        mcp=_Mcp(ports, secrets) if ports.mcp else None,
        databases=_Databases(ports, secrets) if ports.databases else None,
        embeddings=_Embeddings(ports.embeddings, secrets) if ports.embeddings else None,
        ledger=_Ledger(ports.ledger, secrets) if ports.ledger else None,
        journal=_Journal(ports.journal, secrets) if ports.journal else None,
    )


def _names_in(block: Block) -> Iterator[Any]:
    for node in block:
        step = node.step
        yield from (getattr(step, name, None) for name in ("connection", "fallback_connection", "server"))
        for part in (*getattr(step, "context", ()), *getattr(step, "tools", ())):
            yield getattr(part, "server", None)
        for _, inner in blocks_below(node):
            yield from _names_in(inner)


def shown_request(request: ReviewRequest, secrets: KnownSecrets) -> ReviewRequest:
    """The request as the reviewer sees it: what is approved is what is shown."""
    whole = [request.title, request.base, request.proposal, list(request.findings), list(request.targets)]
    shown = secrets.value(whole)
    assert isinstance(shown, list)
    title, base, proposal, findings, targets = shown
    changed = {"title": title, "base": base, "proposal": proposal, "findings": tuple(findings)}
    return request if shown is whole else replace(request, **changed, targets=tuple(targets))


class _Models(Guard):
    async def complete(self, request: ModelRequest) -> ModelAnswer:
        with clean_errors(self._secrets):
            answer: ModelAnswer = await self._inner.complete(request)
        return replace(answer, output=self._secrets.value(answer.output))


class _Embeddings(Guard):
    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        with clean_errors(self._secrets):
            found: Embeddings = await self._inner.embed(request)
        return found  # numbers


class _Connections(Guard):
    async def get(self, name: str) -> JsonObject:
        found: JsonObject = await self._inner.get(name)
        self._secrets.add_connection(name, found)
        return found


class _Cms(Guard):
    def __init__(self, inner: Cms, secrets: KnownSecrets) -> None:
        super().__init__(inner, secrets)
        self.target_class = inner.target_class
        self.form = inner.form

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        with clean_errors(self._secrets):
            found: Publishable = await self._inner.publishable(field, base, proposal)
        return found  # `shown_request` replaces the secrets in it

    async def read(self, url: str) -> CmsPage:
        return await self._page(self._inner.read(url))

    async def update(self, write: CmsWrite) -> CmsPage:
        return await self._page(self._inner.update(write))

    async def create(self, write: CmsWrite) -> CmsPage:
        return await self._page(self._inner.create(write))

    async def delete(self, url: str, *, if_unchanged: str, revision: str = "") -> None:
        with clean_errors(self._secrets):
            await self._inner.delete(url, if_unchanged=if_unchanged, revision=revision)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        with clean_errors(self._secrets):
            found: JsonObject | None = await self._inner.before(write)
        return found  # the ledger stores no secret of it

    async def restore(self, url: str, before: JsonObject, *, if_unchanged: str) -> None:
        with clean_errors(self._secrets):
            await self._inner.restore(url, before, if_unchanged=if_unchanged)

    async def _page(self, answer: Awaitable[CmsPage]) -> CmsPage:
        with clean_errors(self._secrets):
            page, text = await answer, self._secrets.text
        return replace(
            page,
            title=text(page.title),
            body=text(page.body),
            description=text(page.description),
            seo_title=text(page.seo_title),
            seo_description=text(page.seo_description),
            revision=text(page.revision),
            live_url=text(page.live_url),
        )


class _SearchConsole(Guard):
    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        await read_secrets(self._secrets, self._inner, site_connections(site))
        return await self.value(self._inner.search_console.query(site, query))  # type: ignore[no-any-return]

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        await read_secrets(self._secrets, self._inner, site_connections(site))
        return await self.value(self._inner.search_console.inspect(site, url))  # type: ignore[no-any-return]


class _Mcp(Guard):
    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        await read_secrets(self._secrets, self._inner, [server])
        with clean_errors(self._secrets):
            async with self._inner.mcp.open(server) as session:
                yield _McpSession(session, self._secrets)


class _Databases(Guard):
    async def execute(self, request: SqlRequest) -> SqlAnswer:
        await read_secrets(self._secrets, self._inner, [request.connection])
        try:
            with clean_errors(self._secrets):
                return self._shown(await self._inner.databases.execute(request))
        except asyncio.CancelledError as cancelled:
            if isinstance(made := cancelled.__cause__, StatementMade):
                made.answer = self._shown(made.answer)
            raise

    def _shown(self, answer: SqlAnswer) -> SqlAnswer:
        rows = tuple(self._secrets.value(list(answer.rows)))  # type: ignore[arg-type]
        return replace(answer, rows=rows, columns=tuple(map(self._secrets.text, answer.columns)))


class _McpSession(Guard):
    async def tools(self) -> Sequence[McpTool]:
        with clean_errors(self._secrets):
            found = await self._inner.tools()
        return list(map(self._shown, found))

    def _shown(self, tool: McpTool) -> McpTool:
        schemas: dict[str, Any] = {
            "input_schema": self._secrets.value(tool.input_schema),
            "output_schema": self._secrets.value(tool.output_schema),
        }
        return replace(tool, description=self._secrets.text(tool.description), **schemas)

    async def call(
        self, tool: str, arguments: JsonObject, *, seconds: float, check: ToolCheck | None = None
    ) -> McpAnswer:
        checked = None if check is None else lambda found: check(self._shown(found))
        return await self._answer(self._inner.call(tool, arguments, seconds=seconds, check=checked))

    async def read_resource(self, uri: str, *, seconds: float) -> McpAnswer:
        return await self._answer(self._inner.read_resource(uri, seconds=seconds))

    async def get_prompt(self, name: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        return await self._answer(self._inner.get_prompt(name, arguments, seconds=seconds))

    async def _answer(self, asked: Awaitable[McpAnswer]) -> McpAnswer:
        with clean_errors(self._secrets):
            answer = await asked
        if answer.problem is not None:
            self._secrets.clean(answer.problem)
        content = self._secrets.value([self._without_secret_bytes(block) for block in answer.content])
        assert isinstance(content, list)
        return replace(answer, content=tuple(content), structured=self._secrets.value(answer.structured))

    def _without_secret_bytes(self, block: JsonObject) -> JsonObject:
        """The block with secrets replaced in the bytes of its data, which may say them in a form of their own."""
        if isinstance(data := block.get("data"), str):
            block = {**block, "data": self._secrets.base64(data)}
        resource = block.get("resource")
        if isinstance(resource, dict) and isinstance(blob := resource.get("blob"), str):
            block = {**block, "resource": {**resource, "blob": self._secrets.base64(blob)}}
        return block


class _Ledger(Guard):
    async def begin(self, intent: Intent) -> Effect:
        shown = replace(intent, target=self._secrets.text(intent.target), inverse=self._inverse(intent.inverse))
        effect: Effect = await self._inner.begin(shown)
        return effect

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        await self._inner.done(key, receipt=self._secrets.value(receipt), inverse=self._inverse(inverse))

    def _inverse(self, inverse: JsonObject | None) -> JsonObject | None:
        """The inverse, or why there is none: restoring what has a secret replaced would damage the target."""
        if inverse is None or self._secrets.value(inverse) == inverse:
            return inverse
        return {"operation": "none", "reason": "it held a secret value, which is not stored"}

    async def unknown(self, key: str, *, reason: str, asked: int | None = None) -> None:
        await self._inner.unknown(key, reason=self._secrets.text(reason), asked=asked)

    async def refused(self, key: str, *, reason: str) -> None:
        await self._inner.refused(key, reason=self._secrets.text(reason))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)  # reading changes nothing


class _Journal(Guard):
    async def get_or_ask(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        async def guarded() -> JsonObject:
            return await self.value(ask())  # type: ignore[no-any-return]

        answer: JsonObject = await self._inner.get_or_ask(self._secrets.value(request), guarded)
        return answer
