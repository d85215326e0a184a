"""The real outside world, put together. Each part is made when it is first used: most runs need few of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from flowbuilder.adapters.clock import SystemClock
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.ports import (
    Cms,
    CmsForSite,
    Connections,
    Http,
    HttpRequest,
    HttpResponse,
    LanguageModel,
    ModelAnswer,
    ModelRequest,
    NoThrottle,
    Ports,
    Sandbox,
    SearchConsole,
    SearchQuery,
    Throttle,
)
from flowbuilder.settings import Settings
from flowbuilder.values import Json, JsonObject


def real_ports(settings: Settings, connections: Connections, throttle: Throttle | None = None) -> Ports:
    """Ports as the settings say: egress control around all of HTTP, credentials from `connections`, within the limits
    that `throttle` watches."""
    throttle = throttle or NoThrottle()
    world = _World(settings, connections, throttle)
    return Ports(
        http=world,
        models=world,
        sandbox=world,
        connections=connections,
        cms=world.cms_for_site,
        clock=SystemClock(),
        extract=_extract,
        search_console=world,
        mcp=ConnectedServers(connections, throttle),
        throttle=throttle,
    )


class _World:
    """One object that stands for several ports and imports what is behind each of them only when it is called."""

    def __init__(self, settings: Settings, connections: Connections, throttle: Throttle) -> None:
        self._settings = settings
        self._connections = connections
        self._throttle = throttle

    async def send(self, request: HttpRequest) -> HttpResponse:
        return await self._http.send(request)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        return await self._models.complete(request)

    async def run(self, source: str, inputs: Mapping[str, Json], *, seconds: float, megabytes: int) -> Json:
        return await self._sandbox.run(source, inputs, seconds=seconds, megabytes=megabytes)

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        return await self._search_console.query(site, query)

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        return await self._search_console.inspect(site, url)

    async def cms_for_site(self, site: JsonObject) -> Cms:
        return await self._cms(site)

    @cached_property
    def _http(self) -> Http:
        from flowbuilder.adapters.egress import Egress
        from flowbuilder.adapters.http.guarded_http import GuardedHttp

        return GuardedHttp(Egress(self._settings.egress))

    @cached_property
    def _models(self) -> LanguageModel:
        from flowbuilder.adapters.models.named_models import NamedModels

        return NamedModels(self._throttle)

    @cached_property
    def _sandbox(self) -> Sandbox:
        from flowbuilder.adapters.sandbox import MontySandbox

        return MontySandbox()

    @cached_property
    def _search_console(self) -> SearchConsole:
        from flowbuilder.adapters.google.search_console import GoogleSearchConsole

        return GoogleSearchConsole(
            self._http, self._connections, base_url=self._settings.gsc_base_url, throttle=self._throttle
        )

    @cached_property
    def _cms(self) -> CmsForSite:
        from flowbuilder.adapters.cms import cms_for_site

        return cms_for_site(self._connections, self._http, sites=self._settings.sites, throttle=self._throttle)


def _extract(html: str, *, url: str) -> JsonObject:
    from flowbuilder.adapters.http.extract import extract_page

    return extract_page(html, url=url)
