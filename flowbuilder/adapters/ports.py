"""`real_ports` wires the adapters together. Those with large libraries are imported and built on first use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, cached_property

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.models.named_embeddings import NamedEmbeddings
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.ports import (
    Cms,
    CmsForSite,
    Connections,
    Databases,
    Extract,
    Http,
    HttpRequest,
    HttpResponse,
    NoThrottle,
    Ports,
    Sandbox,
    SearchConsole,
    SearchQuery,
    SqlAnswer,
    SqlRequest,
    Throttle,
)
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.settings import Settings
from flowbuilder.values import Json, JsonObject

CHATTY = (
    "anthropic", "google", "google_genai", "httpcore", "httpcore2", "httpx", "httpx2", "mcp", "openai", "psycopg",
    "urllib3",
)  # fmt: skip
"""Libraries that log requests and answers below the level of warnings, with the secrets in them. Their loggers start at
warnings, unless the operator set their level."""


def real_ports(settings: Settings, connections: Connections, throttle: Throttle | None = None) -> Ports:
    """The adapters as ports: HTTP under egress control, credentials from `connections`, calls limited by `throttle`."""
    throttle = throttle or NoThrottle()
    for name in CHATTY:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    secrets = KnownSecrets()
    lazy = _LazyPorts(settings, connections, throttle, secrets)
    return Ports(
        http=lazy,
        models=NamedModels(throttle),
        sandbox=lazy,
        connections=connections,
        cms=lazy.cms_for_site,
        clock=SystemClock(),
        extract=_extract,
        search_console=lazy,
        mcp=ConnectedServers(connections, throttle, secrets, lazy),
        databases=lazy,
        embeddings=NamedEmbeddings(throttle),
        throttle=throttle,
        secrets=secrets,
    )


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


class _LazyPorts:
    """Implements several ports; imports the adapter behind each of them when it is first called."""

    def __init__(self, settings: Settings, connections: Connections, throttle: Throttle, secrets: KnownSecrets) -> None:
        self._settings = settings
        self._connections = connections
        self._throttle = throttle
        self._secrets = secrets

    async def send(self, request: HttpRequest) -> HttpResponse:
        return await self._http.send(request)

    async def run(
        self,
        source: str,
        inputs: Mapping[str, Json],
        *,
        seconds: float,
        megabytes: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> Json:
        return await self._sandbox.run(source, inputs, seconds=seconds, megabytes=megabytes, now=now, seed=seed)

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        return await self._search_console.query(site, query)

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        return await self._search_console.inspect(site, url)

    async def execute(self, request: SqlRequest) -> SqlAnswer:
        return await self._databases.execute(request)

    async def cms_for_site(self, site: JsonObject) -> Cms:
        return await self._cms(site)

    @cached_property
    def _http(self) -> Http:
        from flowbuilder.adapters.egress import Egress
        from flowbuilder.adapters.http.guarded_http import GuardedHttp

        return GuardedHttp(Egress(self._settings.egress))

    @cached_property
    def _sandbox(self) -> Sandbox:
        from flowbuilder.adapters.sandbox import MontySandbox

        return MontySandbox()

    @cached_property
    def _search_console(self) -> SearchConsole:
        from flowbuilder.adapters.google.search_console import GoogleSearchConsole

        return GoogleSearchConsole(
            self._http,
            self._connections,
            base_url=self._settings.gsc_base_url,
            throttle=self._throttle,
            secrets=self._secrets,
        )

    @cached_property
    def _databases(self) -> Databases:
        from flowbuilder.adapters.sql import ConnectedDatabases

        return ConnectedDatabases(self._connections, self._throttle, self._secrets)

    @cached_property
    def _cms(self) -> CmsForSite:
        from flowbuilder.adapters.cms import cms_for_site

        return cms_for_site(self._connections, self._http, sites=self._settings.sites, throttle=self._throttle)


@cache
def _extraction_pool() -> Extract:
    from flowbuilder.adapters.http.extraction_pool import ExtractionPool

    return ExtractionPool()


def _extract(html: bytes | str, *, url: str, content_type: str = "") -> JsonObject:
    return _extraction_pool()(html, url=url, content_type=content_type)
