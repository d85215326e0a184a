"""Connections with OAuth2 client credentials, and with keys in the query."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http import GuardedHttp
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.credentials import credentials_of
from flowbuilder.testing import FakeConnections, Finished, fake_ports, run_locally
from flowbuilder.values import JsonObject

SECRET = "s3cret/4711+x:y"


class Shop:
    """An API that wants the newest token, and the server that gives it."""

    def __init__(self, api: HTTPServer, more: JsonObject) -> None:
        self.api = api
        self.asked: list[dict[str, str]] = []
        self.basic: list[str | None] = []
        self.calls: list[tuple[str, str | None]] = []
        self.answer: Callable[[int], Response] = lambda number: given(f"tok-{number}-abcdefgh")
        self.accepted: Callable[[str], bool] = lambda token: True
        self.connection: JsonObject = {
            "base_url": api.url_for("/").rstrip("/"),
            "oauth2": {"token_url": api.url_for("/token"), "client_id": "me@x", "client_secret": SECRET, **more},
        }
        self.ports = replace(
            fake_ports(connections=FakeConnections({"shop": self.connection})),
            http=GuardedHttp(Egress(["127.0.0.1", "localhost"])),
        )
        api.expect_request("/token").respond_with_handler(self.token)
        api.expect_request("/orders").respond_with_handler(self.orders)

    def token(self, request: Request) -> Response:
        self.asked.append(dict(request.form.items()))
        self.basic.append(request.headers.get("Authorization"))
        return self.answer(len(self.asked))

    def orders(self, request: Request) -> Response:
        token = request.headers.get("Authorization")
        self.calls.append((request.method, token))
        return Response(json.dumps({"you": token}), status=200 if self.accepted(str(token)) else 401, content_type=JSON)

    def run(self, *steps: JsonObject, **more: Any) -> Finished:
        made = [{"type": "api", "connection": "shop", "url": "/orders", **step} for step in steps]
        outputs = {step["id"]: f"{{{{ steps.{step['id']}.output.body }}}}" for step in made}
        document = {"schema": "flowbuilder/v1", "name": "w", "steps": made, "outputs": outputs, **more}
        return run_locally(document, ports=self.ports)


JSON = "application/json"


def given(token: Any, status: int = 200, **more: Any) -> Response:
    return Response(json.dumps({"access_token": token, "token_type": "bearer", **more}), status, content_type=JSON)


@pytest.fixture
def shop(httpserver: HTTPServer) -> Callable[..., Shop]:
    return lambda **more: Shop(httpserver, more)


def test_a_token_is_asked_for_once_and_is_no_part_of_any_output(shop: Any) -> None:
    there = shop(scope=["read", "write"], audience="https://api.example")
    made = there.run(*({"id": f"s{n}"} for n in range(8)))
    assert made.status == "completed", made.error
    assert there.asked == [
        {"grant_type": "client_credentials", "scope": "read write", "audience": "https://api.example"}
    ]
    assert there.basic == ["Basic " + b64encode(b"me%40x:s3cret%2F4711%2Bx%3Ay").decode()]
    assert there.calls == [("GET", "Bearer tok-1-abcdefgh")] * 8
    assert "tok-1" not in json.dumps(made.outputs) + repr(made.events)
    again = there.run({"id": "s"})
    assert "tok-1" not in json.dumps(again.outputs)  # known, although another execution asked for it
    assert len(there.asked) == 1


def test_id_and_secret_may_be_sent_in_the_form(shop: Any) -> None:
    there = shop(send_in="body")
    assert there.run({"id": "s"}).status == "completed"
    wanted = {"grant_type": "client_credentials", "client_id": "me@x", "client_secret": SECRET}
    assert (there.asked, there.basic) == ([wanted], [None])


@pytest.mark.parametrize("life", [0, 1, "1"])
def test_a_token_is_not_used_when_it_is_about_to_expire(shop: Any, life: Any) -> None:
    there = shop()
    there.answer = lambda number: given(f"tok-{number}-abcdefgh", expires_in=life)
    there.run({"id": "a"})
    time.sleep(1)
    there.run({"id": "b"})
    assert [token for _, token in there.calls] == ["Bearer tok-1-abcdefgh", "Bearer tok-2-abcdefgh"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_is_not_accepted_is_replaced_once(shop: Any, method: str) -> None:
    there = shop()
    there.run({"id": "a"})
    there.calls.clear()
    there.accepted = lambda token: "tok-2" in token
    assert there.run({"id": "b", "method": method}).status == "completed"
    assert there.calls == [(method, "Bearer tok-1-abcdefgh"), (method, "Bearer tok-2-abcdefgh")]
    there.accepted = lambda token: False
    failed = there.run({"id": "c", "method": method})
    assert failed.error is not None
    assert failed.error["code"] == "http_401"
    assert failed.error["detail"]["body"] == {"you": "Bearer [token of localhost]"}
    assert len(there.calls) == 4


def test_a_client_that_is_refused_is_said_with_the_reason_and_without_the_secret(shop: Any) -> None:
    there = shop(send_in="body")
    body = json.dumps({"error": "invalid_client", "error_description": f"secret {SECRET} is wrong"})
    there.answer = lambda number: Response(body, 401, content_type=JSON)
    failed = there.run({"id": "s", "method": "POST"})
    assert failed.error is not None
    assert failed.error["code"] == "auth"
    assert "answered 401" in failed.error["message"]
    assert "invalid_client" in failed.error["message"]
    assert "check client_id, client_secret" in failed.error["message"]
    assert SECRET not in json.dumps(failed.error) + repr(failed.events)
    assert there.calls == []


@pytest.mark.parametrize(
    "answer",
    [given(None), given(""), given("a b"), given("a\r\nb"), Response("<html>"), Response("{"), Response(status=204)],
)
def test_an_answer_without_a_token_is_said(shop: Any, answer: Response) -> None:
    there = shop()
    there.answer = lambda number: answer
    failed = there.run({"id": "s"})
    assert failed.error is not None
    assert (failed.error["code"], there.calls) == ("bad_answer", [])


def test_a_token_server_that_fails_leaves_no_write_in_doubt(shop: Any) -> None:
    there = shop()
    there.answer = lambda number: Response(status=503) if number == 1 else given("tok-9-abcdefgh")
    made = there.run({"id": "s", "method": "POST", "retry": {"attempts": 2, "delay_seconds": 0}})
    assert made.status == "completed", made.error  # and no question whether to send again
    assert there.calls == [("POST", "Bearer tok-9-abcdefgh")]


def test_the_hosts_of_a_workflow_do_not_bind_the_token_server(shop: Any, httpserver: HTTPServer) -> None:
    there = shop(token_url=httpserver.url_for("/token").replace("localhost", "127.0.0.1"))
    assert there.run({"id": "s"}, hosts=["localhost"]).status == "completed"
    assert len(there.asked) == 1


def test_a_redirect_of_the_token_server_is_not_followed(shop: Any) -> None:
    there = shop()
    there.answer = lambda number: Response("", 307, headers={"Location": "/token"})
    failed = there.run({"id": "s"})
    assert failed.error is not None
    assert (failed.error["code"], len(there.asked)) == ("http_307", 1)


def test_no_token_is_sent_to_another_origin(shop: Any) -> None:
    there = shop()
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/x").respond_with_data("[]")
        there.api.expect_request("/away").respond_with_data("", 302, {"Location": other.url_for("/x")})
        assert there.run({"id": "s", "url": "/away"}).status == "completed"
        assert "Authorization" not in other.log[0][0].headers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"client_id": "a"}, "needs token_url and client_secret"),
        ({"token_url": "x", "client_id": "a", "client_secret": "b"}, "address of the connection"),
        ({"token_url": "https://a.example", "client_id": "a", "client_secret": "b", "tokenurl": 1}, "has no tokenurl"),
        (
            {"token_url": "https://a.example", "client_id": "a", "client_secret": "b", "send_in": "query"},
            "header or body",
        ),
        ("x", "is {token_url, client_id, client_secret}"),
    ],
)
def test_a_wrong_connection_is_said(given: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("{", r"\{")):
        credentials_of({"base_url": "https://api.example", "oauth2": given})


class Keyed:
    """An API that wants its key in the query, and repeats it in its links."""

    def __init__(self, api: HTTPServer) -> None:
        self.seen: list[list[tuple[str, str]]] = []
        api.expect_request("/list").respond_with_handler(self.page)
        api.expect_request("/no").respond_with_handler(lambda request: Response(f"bad {request.url}", 403))
        self.connection: JsonObject = {"base_url": api.url_for("/").rstrip("/"), "query": {"api_key": KEY, "v": "2"}}
        connections = FakeConnections({"shop": self.connection})
        self.ports = replace(fake_ports(connections=connections), http=GuardedHttp(Egress(["127.0.0.1", "localhost"])))

    def page(self, request: Request) -> Response:
        self.seen.append(sorted(request.args.items(multi=True)))
        number = int(request.args.get("page", 1))
        link = {"Link": f"</list?api_key={request.args['api_key']}&page={number + 1}>; rel=next"} if number < 3 else {}
        return Response(json.dumps([number]), headers=link, content_type=JSON)

    def run(self, **step: Any) -> Finished:
        fields = {"id": "s", "type": "api", "connection": "shop", **step}
        outputs = {"s": "{{ steps.s.output }}"}
        document = {"schema": "flowbuilder/v1", "name": "w", "steps": [fields], "outputs": outputs}
        return run_locally(document, ports=self.ports)


KEY = "key-4711-abcdefgh"


def test_keys_are_sent_in_the_query_and_shown_nowhere(httpserver: HTTPServer) -> None:
    there = Keyed(httpserver)
    made = there.run(url="/list?q=a%20b", query={"n": 5}, paginate={})
    assert made.outputs["s"]["body"] == [1, 2, 3], made.error
    assert there.seen == [
        [("api_key", KEY), ("n", "5"), ("q", "a b"), ("v", "2")],
        [("api_key", KEY), ("page", "2"), ("v", "2")],
        [("api_key", KEY), ("page", "3"), ("v", "2")],
    ]
    failed = there.run(url="/no")
    assert KEY not in json.dumps(made.outputs) + repr(made.events) + repr(failed.events) + json.dumps(failed.error)


def test_keys_are_not_sent_to_another_origin(httpserver: HTTPServer) -> None:
    there = Keyed(httpserver)
    with HTTPServer(host="127.0.0.1") as other:
        other.expect_request("/x").respond_with_data("[]")
        httpserver.expect_request("/away").respond_with_data("", 302, {"Location": other.url_for("/x")})
        assert there.run(url="/away").status == "completed"
        assert other.log[0][0].query_string == b""
        assert there.run(url=other.url_for("/x")).error["code"] == "egress"  # type: ignore[index]


def test_a_key_goes_with_a_write(httpserver: HTTPServer) -> None:
    there = Keyed(httpserver)
    httpserver.expect_request("/w", query_string={"api_key": KEY, "v": "2"}).respond_with_data("", 201)
    assert there.run(url="/w?v=1", method="POST", json={}).status == "completed"
