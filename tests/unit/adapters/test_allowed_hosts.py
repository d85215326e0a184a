"""`hosts` bind every adapter, by any library."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.cms.ghost import Ghost
from flowbuilder.adapters.cms.wordpress import WordPress
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.google.search_console import GoogleSearchConsole
from flowbuilder.adapters.http import GuardedHttp
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import StepError
from flowbuilder.ports import HttpRequest, ModelRequest, SearchQuery
from flowbuilder.ports.allowed_hosts import allowed_hosts, ensure_host
from flowbuilder.testing import FakeConnections

HERE = GuardedHttp(Egress(["127.0.0.1", "localhost"]))
QUERY = SearchQuery(dimensions=("page",), start_date="2026-01-01", end_date="2026-01-02")


async def page(server: HTTPServer) -> object:
    return await HERE.send(HttpRequest(method="GET", url=server.url_for("/")))


async def cms(server: HTTPServer) -> object:
    connection = {"url": server.url_for("/"), "username": "u", "password": "pw"}
    return await WordPress(HERE, connection, {}).read(server.url_for("/a"))


async def ghost(server: HTTPServer) -> object:
    connection = {"url": server.url_for("/"), "admin_api_key": f"{'6b' * 12}:{'0f' * 32}"}
    return await Ghost(HERE, connection, {}).read(server.url_for("/a"))


async def search_console(server: HTTPServer) -> object:
    console = GoogleSearchConsole(HERE, FakeConnections(), base_url=server.url_for("/"))
    return await console.query({"gsc": {"property": "p"}}, QUERY)


async def mcp(server: HTTPServer) -> object:
    servers = ConnectedServers(FakeConnections({"s": {"url": server.url_for("/mcp")}}))
    async with servers.open("s") as session:
        return await session.tools()


def model(name: str) -> Callable[[HTTPServer], object]:
    async def ask(server: HTTPServer) -> object:
        connection = {"api_key": "key-12345", "base_url": server.url_for("/v1")}
        return await NamedModels().complete(ModelRequest(model=name, prompt="x", connection=connection, timeout=20))

    return ask


@pytest.mark.parametrize("hosts", [("example.com",), ("public",)], ids=["another host", "public"])
@pytest.mark.parametrize(
    "call",
    [
        page,
        cms,
        ghost,
        search_console,
        mcp,
        *map(model, ("openai:m", "anthropic:m", "google:m", "ollama:m", "x:m")),
    ],
    ids=["page", "cms", "ghost", "gsc", "mcp", "openai", "anthropic", "google", "ollama", "compatible"],
)
async def test_nothing_is_sent_to_a_host_that_is_not_listed(call, hosts: tuple[str, ...], httpserver: HTTPServer):
    with allowed_hosts(hosts), pytest.raises(StepError) as caught:
        await call(httpserver)
    assert caught.value.code == "egress"
    assert "hosts in the workflow or in the site" in str(caught.value)
    assert httpserver.log == []


@pytest.mark.parametrize("name", ["openai", "anthropic", "google"])
async def test_a_key_does_not_follow_a_redirect_of_a_models_server(name: str, httpserver: HTTPServer) -> None:
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/").respond_with_data("{}")
        anywhere = re.compile("/v1.*")
        httpserver.expect_request(anywhere).respond_with_data("", 307, {"Location": other.url_for("/")})
        with pytest.raises(StepError):
            await model(f"{name}:m")(httpserver)  # type: ignore[misc]
        assert len(httpserver.log) == 1
        assert other.log == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://example.org/", True),
        ("https://8.8.8.8/", True),
        ("http://localhost/", False),
        ("http://10.0.0.1/", False),
        ("http://db.internal/", False),
        ("http://[::1]/", False),
        ("http://intranet.corp.example/", True),  # named by the list
    ],
)
def test_public_stands_for_hosts_outside_of_private_networks(url: str, allowed: bool) -> None:
    hosts = ("public", "intranet.corp.example")
    if allowed:
        assert ensure_host(url, hosts).url.startswith(url)
        return
    with pytest.raises(StepError, match="is not a public host"):
        ensure_host(url, hosts)


async def test_public_does_not_open_what_the_installation_allows_besides(httpserver: HTTPServer) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    http = GuardedHttp(Egress(["127.0.0.1", "10.0.0.0/8"]), resolve=resolve)
    url = f"http://rebound.example:{httpserver.port}/"
    httpserver.expect_request("/").respond_with_data("inside")
    for hosts, message in ((("public",), "port|not a public"), (("public", "x.example"), "port|not a public")):
        with pytest.raises(StepError, match=message):
            await http.send(HttpRequest(method="GET", url=url, hosts=hosts))
    usual = HttpRequest(method="GET", url="http://rebound.example/", hosts=("public",))
    with pytest.raises(StepError, match="not a public address"):
        await http.send(usual)
    named = await http.send(HttpRequest(method="GET", url=url, hosts=("public", "rebound.example")))
    assert named.text == "inside"
