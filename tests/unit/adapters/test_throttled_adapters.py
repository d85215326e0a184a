"""Adapters call within the limits of their connections, and close them after a rejection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.cms import cms_for_site
from flowbuilder.adapters.google.search_console import GoogleSearchConsole
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.mcp.server_record import server_record
from flowbuilder.errors import Throttled, TransientError
from flowbuilder.ports import SearchQuery, Throttle
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeConnections, FakeHttp, FakeThrottle, respond
from flowbuilder.values import JsonObject

SITE: JsonObject = {
    "site": "tea.example",
    "base_url": "https://tea.example",
    "cms": {"type": "wordpress", "connection": "wp"},
    "gsc": {"property": "sc-domain:tea.example", "connection": "gsc"},
}
CONNECTIONS = FakeConnections(
    {
        "wp": {"url": "https://tea.example", "username": "ana", "password": "x"},
        "ghost": {"url": "https://ghost.example", "admin_api_key": f"{'6b' * 12}:{'0f' * 32}"},
        "gsc": {"auth": "none"},
    }
)
Call = Callable[[FakeHttp, Throttle], Awaitable[object]]


async def read_a_page(http: FakeHttp, throttle: Throttle) -> object:
    cms = await cms_for_site(CONNECTIONS, http, sites=Settings().sites, throttle=throttle)(SITE)
    return await cms.read("https://tea.example/tea")


async def read_a_page_of_ghost(http: FakeHttp, throttle: Throttle) -> object:
    site: JsonObject = {**SITE, "cms": {"type": "ghost", "connection": "ghost"}}
    cms = await cms_for_site(CONNECTIONS, http, sites=Settings().sites, throttle=throttle)(site)
    return await cms.read("https://tea.example/tea")


async def query_search(http: FakeHttp, throttle: Throttle) -> object:
    console = GoogleSearchConsole(http, CONNECTIONS, base_url="https://search.example", throttle=throttle)
    query = SearchQuery(dimensions=("page",), start_date="2026-01-01", end_date="2026-01-02")
    return await console.query(SITE, query)


@pytest.mark.parametrize(
    ("call", "place", "name"),
    [
        (read_a_page, "GET https://tea.example/", "wp"),
        (read_a_page_of_ghost, "GET https://ghost.example/ghost/api/admin/posts/", "ghost"),
        (
            query_search,
            "POST https://search.example/webmasters/v3/sites/sc-domain%3Atea.example/searchAnalytics/query",
            "gsc",
        ),
    ],
)
async def test_a_rejection_closes_the_connection_that_the_site_names(call: Call, place: str, name: str) -> None:
    busy = respond({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "60"})
    http, throttle = FakeHttp({place: busy}), FakeThrottle(connections=CONNECTIONS)
    for _ in range(2):
        with pytest.raises(Throttled) as caught:
            await call(http, throttle)
        assert (caught.value.connection, caught.value.refused) == (name, True)
        assert caught.value.retry_after >= 60
    assert [f"{request.method} {request.url}" for request in http.requests].count(place) == 1


@pytest.mark.parametrize(("status", "reason"), [(429, "rate_limit"), (503, "server_error")])
async def test_a_rejection_by_an_mcp_server_over_http_has_retry_after(
    httpserver: HTTPServer, status: int, reason: str
) -> None:
    httpserver.expect_request("/mcp").respond_with_data("{}", status=status, headers={"Retry-After": "40"})
    servers = ConnectedServers(FakeConnections({"docs": {"url": httpserver.url_for("/mcp")}}))
    with pytest.raises(TransientError, match=f"MCP server docs answered {status}") as caught:
        await servers.open("docs").__aenter__()
    assert (caught.value.reason, caught.value.retry_after) == (reason, 40.0)


def test_an_mcp_server_may_have_limits_and_its_preset_detects_rejections() -> None:
    record = server_record(
        "context7", {"preset": "context7", "url": "https://c.example", "limits": {"rate": "60/minute"}}
    )
    assert record.judge("query-docs", "Rate limited") == "busy"
    assert record.judge("query-docs", "the library") is None
