"""An MCP server over HTTP whose tokens come from a token server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.testing import FakeConnections

Serve = Callable[..., ConnectedServers]


@pytest.fixture
def calls() -> list[str]:
    """The methods that were asked for with a token that is valid."""
    return []


@pytest.fixture
def serve(httpserver: HTTPServer, calls: list[str]) -> Serve:
    """`serve()`: servers with one server, `s`. Its token server gives `tok-1`, `tok-2` and so on; `expired` are those
    that are not valid."""

    def with_server(*, expired: tuple[str, ...] = (), token_status: int = 200) -> ConnectedServers:
        given: list[str] = []

        def token(request: Request) -> Response:
            assert request.form["grant_type"] == "client_credentials"
            given.append(f"tok-{len(given) + 1}")
            return Response(json.dumps({"access_token": given[-1], "expires_in": 3600}), status=token_status)

        def respond(request: Request) -> Response:
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            if sent in expired or sent not in given:
                return Response('{"error": "invalid_token"}', status=401)
            message = request.get_json()
            calls.append(message["method"])
            known: dict[str, Any] = {
                "initialize": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "s", "version": "1"},
                },
                "tools/list": {"tools": [{"name": "shout", "inputSchema": {"type": "object"}}]},
                "tools/call": {"content": [{"type": "text", "text": sent}]},
            }
            if "id" not in message:
                return Response("", status=202)
            if message["method"] not in known:
                return Response("", status=404)
            result = {"jsonrpc": "2.0", "id": message["id"], "result": known[message["method"]]}
            return Response(json.dumps(result), content_type="application/json")

        httpserver.expect_request("/token", method="POST").respond_with_handler(token)
        httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)
        client = {"token_url": httpserver.url_for("/token"), "client_id": "me", "client_secret": "s3cret-s3cret"}
        known = FakeConnections({"s": {"url": httpserver.url_for("/mcp"), "oauth2": client}})
        return ConnectedServers(known, http=GuardedHttp(Egress(("127.0.0.1", "localhost"))))

    return with_server


async def shout(servers: ConnectedServers) -> str:
    async with servers.open("s") as session:
        return (await session.call("shout", {}, seconds=10)).text


async def test_a_token_is_sent_and_kept_for_the_next_session(serve: Serve, calls: list[str]) -> None:
    servers = serve()
    assert (await shout(servers), await shout(servers)) == ("tok-1", "tok-1")
    assert calls.count("tools/call") == 2


async def test_a_token_that_is_not_accepted_is_renewed_once(serve: Serve, calls: list[str]) -> None:
    assert await shout(serve(expired=("tok-1",))) == "tok-2"
    assert calls.count("tools/call") == 1


async def test_a_client_that_is_refused_is_said_without_its_secret(serve: Serve, calls: list[str]) -> None:
    with pytest.raises(StepError) as caught:
        await shout(serve(token_status=401))
    assert (caught.value.code, caught.value.definitive) == ("auth", True)
    assert "check client_id, client_secret and scope" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert not calls


async def test_an_oauth2_that_is_not_complete_is_a_configuration_error() -> None:
    known = FakeConnections({"s": {"url": "https://m.example/mcp", "oauth2": {"token_url": "https://t.example"}}})
    with pytest.raises(ConfigurationError, match="oauth2 of the connection needs client_id and client_secret"):
        await shout(ConnectedServers(known))
