"""Credentials go to the origins of their connection only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http import GuardedHttp
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import HttpRequest
from flowbuilder.ports.credentials import credentials_of
from flowbuilder.testing import FakeConnections, Finished, fake_ports, run_locally
from flowbuilder.values import JsonObject

TOKEN = "tok-1234567890abcdef"
Answer = Callable[[Request], Response]


class Servers:
    """Two servers on this machine, and what each was sent: `own` is the connection's, `other` is not."""

    def __init__(self, stack: ExitStack) -> None:
        self.own, self.other = (stack.enter_context(HTTPServer(host="127.0.0.1")) for _ in range(2))
        self.seen: list[tuple[str, str, str | None, str | None]] = []

    def answer(self, name: str, handler: Answer) -> None:
        server = getattr(self, name)

        def record(request: Request) -> Response:
            headers = request.headers
            self.seen.append((name, request.path, headers.get("Authorization"), headers.get("X-Api-Key")))
            return handler(request)

        server.expect_request("/").respond_with_handler(record)
        for path in ("/list", "/first", "/steal", "/back", "/end"):
            server.expect_request(path).respond_with_handler(record)

    def run(self, connection: JsonObject, **step: object) -> Finished:
        fields = {"id": "s", "type": "api", "connection": "crm", "url": "/list", **step}
        fields["headers"] = {"x-api-key": "mine"}
        outputs = {"o": "{{ steps.s.output }}"}
        document = {"schema": "flowbuilder/v1", "name": "w", "steps": [fields], "outputs": outputs}
        known = FakeConnections({"crm": {"base_url": self.own.url_for("/"), "token": TOKEN, **connection}})
        ports = replace(fake_ports(connections=known), http=GuardedHttp(Egress(["127.0.0.1", "localhost", "::1"])))
        return run_locally(document, ports=ports)


@pytest.fixture
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


def redirect(place: str) -> Answer:
    return lambda request: Response("", 302, {"Location": place})


def listing(request: Request) -> Response:
    further = "/steal" if request.path != "/steal" else None
    return Response(json.dumps({"items": [1], "next": further}), content_type="application/json")


def test_pages_of_another_origin_are_read_without_credentials(servers: Servers) -> None:
    servers.answer("own", redirect(servers.other.url_for("/first")))
    servers.answer("other", listing)
    finished = servers.run({}, paginate={"next": "next", "items": "items"})
    assert finished.outputs["o"]["body"] == [1, 1], finished.error
    assert servers.seen == [
        ("own", "/list", f"Bearer {TOKEN}", "mine"),
        ("other", "/first", None, None),
        ("other", "/steal", None, None),
    ]


def test_a_redirect_to_a_further_host_of_the_connection_carries_its_credentials(servers: Servers) -> None:
    servers.answer("own", redirect(servers.other.url_for("/first")))
    servers.answer("other", lambda request: Response("[1]", content_type="application/json"))
    servers.run({"hosts": [servers.other.url_for("/")]})
    assert servers.seen[1] == ("other", "/first", f"Bearer {TOKEN}", None)  # the author's own header stays behind


def test_an_outsider_who_redirects_back_chooses_no_url_with_credentials(servers: Servers) -> None:
    def own(request: Request) -> Response:
        return Response("end") if request.path == "/back" else Response("", 302, {"Location": there})

    there = servers.other.url_for("/first")
    servers.answer("own", own)
    servers.answer("other", redirect(servers.own.url_for("/back")))
    assert servers.run({}).status == "completed"
    assert servers.seen[2] == ("own", "/back", None, None)


def test_a_port_is_part_of_the_origin_of_a_further_host(servers: Servers) -> None:
    servers.answer("own", redirect(servers.other.url_for("/first")))
    servers.answer("other", lambda request: Response("end"))
    servers.run({"hosts": ["127.0.0.1", f"https://127.0.0.1:{servers.other.port}"]})
    assert servers.seen[1] == ("other", "/first", None, None)


@pytest.mark.parametrize(
    ("base", "url", "sent"),
    [
        ("https://api.example.com", "https://api.example.com:443/a", True),
        ("https://api.example.com:443", "https://API.example.com./a", True),
        ("http://api.example.com:80", "http://api.example.com/a", True),
        ("http://api.example.com", "https://api.example.com/a", False),  # an upgrade: write https into the base_url
        ("https://api.example.com", "http://api.example.com/a", False),
        ("https://api.example.com", "https://api.example.com:8443/a", False),
        ("https://api.example.com", "https://api.example.com.evil.example/a", False),
        ("https://api.example.com", "https://example.com/a", False),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/a", True),
        ("http://[::ffff:7f00:1]", "http://127.0.0.1/a", False),
        ("https://xn--bcher-kva.example", "https://XN--BCHER-KVA.example/a", True),
    ],
)
def test_an_origin_is_scheme_host_and_port_in_any_spelling(base: str, url: str, sent: bool) -> None:
    credentials = credentials_of({"base_url": base, "token": TOKEN})
    assert bool(credentials.headers_for(url)) is sent
    request = HttpRequest(method="GET", url=base, headers={"x-key": "k", "accept": "a/b"}, auth={"authorization": "b"})
    there = request.at(url)
    assert (set(there.headers), bool(there.credentials.headers_for(url))) == (
        ({"x-key", "accept"}, True) if sent else ({"accept"}, False)
    )


@pytest.mark.parametrize("url", ["https://user:pw@api.example.com/", "https://bücher.example/", "https://a\\@b/"])
def test_urls_that_parsers_read_differently_get_no_credentials(url: str) -> None:
    credentials = credentials_of({"base_url": "https://api.example.com", "token": TOKEN})
    with pytest.raises(StepError, match="refused"):
        credentials.headers_for(url)
    with pytest.raises(ConfigurationError, match="address of the connection"):
        credentials_of({"base_url": url, "token": TOKEN})


def test_a_url_that_is_not_the_connections_is_refused_with_the_remedy(servers: Servers) -> None:
    finished = servers.run({}, url=servers.other.url_for("/first"))
    assert finished.error is not None
    assert finished.error["code"] == "egress"
    assert "list that address under its hosts" in finished.error["message"]
    assert servers.seen == []
