"""The `api` step against a real HTTP server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.http import http_date

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.settings import Settings
from flowbuilder.testing import Finished
from tests.support.servers.raw_server import raw_server

Run = Callable[..., Finished]


def echo(request: Request) -> Response:
    """The parts of a request, as JSON."""
    seen = {
        "method": request.method,
        "path": request.path,
        "query": list(request.args.items(multi=True)),
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": request.get_data(as_text=True),
    }
    return Response(json.dumps(seen), content_type="application/json")


@pytest.fixture
def base(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/echo").respond_with_handler(echo)
    return httpserver.url_for("").rstrip("/")


def body(finished: Finished) -> Any:
    assert finished.status == "completed", finished.error
    return finished.outputs["s"]["body"]


def failed(finished: Finished) -> tuple[str, str]:
    assert finished.status == "failed"
    return finished.error["code"], finished.error["message"]


def test_get_is_the_default_and_the_answer_has_status_headers_and_parsed_body(run: Run, base: str) -> None:
    finished = run(
        {"type": "api", "url": f"{base}/echo", "query": {"q": "ä b", "n": 3, "on": True, "many": ["x", "y"]}}
    )
    seen = body(finished)
    assert seen["method"] == "GET"
    assert seen["query"] == [["q", "ä b"], ["n", "3"], ["on", "true"], ["many", "x"], ["many", "y"]]
    assert "idempotency-key" not in seen["headers"]
    assert finished.outputs["s"]["status"] == 200
    assert finished.outputs["s"]["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_writing_method_sends_json_and_an_idempotency_key(run: Run, base: str, method: str) -> None:
    seen = body(run({"type": "api", "method": method, "url": f"{base}/echo", "json": {"a": [1, None, "ü"]}}))
    assert seen["method"] == method
    assert json.loads(seen["body"]) == {"a": [1, None, "ü"]}
    assert len(seen["headers"]["idempotency-key"]) == 40


def test_head_has_no_body(run: Run, base: str) -> None:
    assert body(run({"type": "api", "method": "HEAD", "url": f"{base}/echo"})) is None


def test_a_form_is_sent_as_a_form(run: Run, base: str) -> None:
    seen = body(run({"type": "api", "method": "POST", "url": f"{base}/echo", "form": {"a": "1 2", "b": ["x", "y"]}}))
    assert seen["body"] == "a=1+2&b=x&b=y"
    assert seen["headers"]["content-type"] == "application/x-www-form-urlencoded"


def test_templates_fill_url_headers_and_body_and_keep_types(run: Run, base: str) -> None:
    inputs = {"n": {"type": "integer"}, "who": {"type": "string"}}
    step = {
        "type": "api",
        "method": "POST",
        "url": base + "/echo?who={{ inputs.who }}",
        "headers": {"X-Who": "{{ inputs.who }}"},
        "json": {"n": "{{ inputs.n }}", "text": "n={{ inputs.n }}"},
    }
    seen = body(run(step, inputs=inputs, given={"n": 7, "who": "ana"}))
    assert json.loads(seen["body"]) == {"n": 7, "text": "n=7"}
    assert (seen["headers"]["x-who"], seen["query"]) == ("ana", [["who", "ana"]])


def test_text_is_not_parsed(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/t").respond_with_data("plain", content_type="text/plain")
    assert body(run({"type": "api", "url": httpserver.url_for("/t")})) == "plain"


@pytest.mark.parametrize(
    ("connection", "header", "value"),
    [
        ("token: hunter2", "authorization", "Bearer hunter2"),
        ("username: ana\n  password: pw", "authorization", "Basic YW5hOnB3"),
        ("headers: {X-Api-Key: hunter2}", "x-api-key", "hunter2"),
    ],
)
def test_a_connection_brings_its_credentials_and_its_address(
    run: Run, base: str, httpserver: HTTPServer, tmp_path: Path, connection: str, header: str, value: str
) -> None:
    (tmp_path / "connections.yaml").write_text(f"shop:\n  base_url: {base}\n  {connection}\n")
    finished = run({"type": "api", "url": "/echo", "connection": "shop"})
    assert httpserver.log[-1][0].headers[header] == value
    hidden = "hunter2" in value  # what the server sends back; `pw` is too short to be looked for
    assert (body(finished)["headers"][header] != value) is hidden


def test_credentials_are_sent_only_to_their_own_origin(run: Run, base: str, tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text("shop: {base_url: https://shop.example, token: hunter2}\n")
    code, message = failed(run({"type": "api", "url": f"{base}/echo", "connection": "shop"}))
    assert code == "egress"
    assert "hunter2" not in message


def test_a_missing_connection_is_named(run: Run, base: str) -> None:
    code, message = failed(run({"type": "api", "url": f"{base}/echo", "connection": "shop"}))
    assert code == "configurationerror"
    assert "'shop'" in message


def test_pages_are_followed_by_the_link_header_and_joined(run: Run, httpserver: HTTPServer) -> None:
    def page(request: Request) -> Response:
        number = int(request.args.get("page", 1))
        link = {"Link": f'<?page={number + 1}>; rel="next", <?page=1>; rel="first"'} if number < 3 else {}
        return Response(json.dumps([number * 10, number * 10 + 1]), headers=link, content_type="application/json")

    httpserver.expect_request("/list").respond_with_handler(page)
    assert body(run({"type": "api", "url": httpserver.url_for("/list"), "paginate": {}})) == [10, 11, 20, 21, 30, 31]
    two = run({"type": "api", "url": httpserver.url_for("/list"), "paginate": {"max_pages": 2, "on_more": "stop"}})
    assert (body(two), two.outputs["s"]["truncated"]) == ([10, 11, 20, 21], True)


def test_pages_are_followed_by_a_field_of_the_body(run: Run, httpserver: HTTPServer) -> None:
    def page(request: Request) -> Response:
        last = "cursor" in request.args
        rest = {"next": None if last else httpserver.url_for("/c?cursor=2")}
        return Response(
            json.dumps({"data": {"items": [2 if last else 1]}, "paging": rest}), content_type="application/json"
        )

    httpserver.expect_request("/c").respond_with_handler(page)
    paginate = {"next": "paging.next", "items": "data.items"}
    assert body(run({"type": "api", "url": httpserver.url_for("/c"), "paginate": paginate})) == [1, 2]


def test_a_next_page_on_another_site_is_not_followed(run: Run, httpserver: HTTPServer) -> None:
    link = {"Link": '<https://evil.example/>; rel="next"'}
    httpserver.expect_request("/l").respond_with_data("[1]", content_type="application/json", headers=link)
    assert failed(run({"type": "api", "url": httpserver.url_for("/l"), "paginate": {}}))[0] == "paginate"


def test_an_answer_that_does_not_fit_the_response_schema_fails(run: Run, base: str) -> None:
    schema = {"type": "object", "properties": {"method": {"const": "POST"}}}
    code, message = failed(run({"type": "api", "url": f"{base}/echo", "response_schema": schema}))
    assert code == "schema_mismatch"
    assert "/method" in message


@pytest.mark.parametrize(("status", "code"), [(404, "http_404"), (401, "http_401"), (301, "http_301")])
def test_permanent_statuses_fail_the_step_at_once(run: Run, httpserver: HTTPServer, status: int, code: str) -> None:
    httpserver.expect_request("/x").respond_with_data("no", status=status)
    finished = run({"type": "api", "url": httpserver.url_for("/x"), "retry": {"attempts": 3}})
    assert failed(finished)[0] == code
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(("status", "code"), [(503, "server_error"), (408, "timeout")])
def test_transient_statuses_are_retried_by_the_steps_policy(
    run: Run, httpserver: HTTPServer, status: int, code: str
) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("no", status=status)
    httpserver.expect_ordered_request("/x").respond_with_data("yes", content_type="text/plain")
    finished = run({"type": "api", "url": httpserver.url_for("/x"), "retry": {"attempts": 2, "delay_seconds": 0}})
    assert body(finished) == "yes"
    (note,) = [event for event in finished.events if event.type == "step_retrying"]
    assert note.data["error"]["code"] == code


@pytest.mark.parametrize("dated", [False, True])
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(run: Run, httpserver: HTTPServer, dated: bool) -> None:
    said = {"Retry-After": http_date(int(time.time()) + 2) if dated else "1"}
    httpserver.expect_ordered_request("/x").respond_with_data("no", status=503, headers=said)
    httpserver.expect_ordered_request("/x").respond_with_data("yes", content_type="text/plain")
    finished = run({"type": "api", "url": httpserver.url_for("/x"), "retry": {"attempts": 2, "delay_seconds": 0}})
    assert body(finished) == "yes"
    (note,) = [event for event in finished.events if event.type == "step_retrying"]
    assert 1 <= note.data["delay_seconds"] <= 2


def test_a_429_is_waited_out_by_a_step_without_retries(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("no", status=429, headers={"Retry-After": "1"})
    httpserver.expect_ordered_request("/x").respond_with_data("yes", content_type="text/plain")
    finished = run({"type": "api", "url": httpserver.url_for("/x")})
    assert body(finished) == "yes"
    (note,) = [event for event in finished.events if event.type == "step_throttled"]
    waited = datetime.fromisoformat(note.data["until"]) - datetime.fromisoformat(note.data["since"])
    assert 1 <= waited.total_seconds() <= 2


def test_a_retried_write_keeps_its_idempotency_key_and_an_author_may_set_it(run: Run, httpserver: HTTPServer) -> None:
    keys: list[str] = []

    def once_busy(request: Request) -> Response:
        keys.append(request.headers["Idempotency-Key"])
        return Response(status=429 if len(keys) == 1 else 204)

    httpserver.expect_request("/w").respond_with_handler(once_busy)
    step = {
        "type": "api",
        "method": "POST",
        "url": httpserver.url_for("/w"),
        "retry": {"attempts": 2, "delay_seconds": 0},
    }
    assert body(run(step)) is None
    assert len(set(keys)) == 1
    assert body(run({**step, "effect": {"key": "order-7"}})) is None
    assert len(set(keys)) == 2


def test_a_write_with_an_unknown_outcome_is_reviewed_and_not_repeated(run: Run, httpserver: HTTPServer) -> None:
    calls: list[str] = []

    def breaks(request: Request) -> Response:
        calls.append(request.headers["Idempotency-Key"])
        return Response(status=502 if len(calls) == 1 else 201)

    httpserver.expect_request("/w").respond_with_handler(breaks)
    step = {
        "type": "api",
        "method": "POST",
        "url": httpserver.url_for("/w"),
        "retry": {"attempts": 3, "delay_seconds": 0},
    }
    waiting = run(step)
    assert waiting.status == "waiting", waiting.error
    assert len(calls) == 1
    assert "Send again?" in waiting.waiting[0].request.title
    calls.clear()
    finished = run(step, decide=lambda review: "approve")
    assert finished.status == "completed", finished.error
    assert len(set(calls)) == 1
    calls.clear()
    refused = run(step, decide=lambda review: "reject")
    assert failed(refused)[0] == "effect_unknown"
    assert len(calls) == 1


def test_a_write_to_a_target_that_deduplicates_is_repeated(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/w").respond_with_data("", status=502)
    httpserver.expect_ordered_request("/w").respond_with_data("", status=201)
    step = {
        "type": "api",
        "method": "POST",
        "url": httpserver.url_for("/w"),
        "retry": {"attempts": 3, "delay_seconds": 0},
        "effect": {"deduplicates": True},
    }
    finished = run(step)
    assert finished.outputs["s"]["status"] == 201


def test_hosts_of_the_workflow_bound_every_request(run: Run, base: str) -> None:
    assert failed(run({"type": "api", "url": f"{base}/echo"}, hosts=["example.com"]))[0] == "egress"
    assert body(run({"type": "api", "url": f"{base}/echo"}, hosts=["localhost"]))["path"] == "/echo"


def test_a_private_address_that_is_not_allowed_is_refused(run: Run, httpserver: HTTPServer) -> None:
    code, message = failed(run({"type": "api", "url": f"http://127.0.0.1:{httpserver.port + 1}/"}))
    assert code == "egress"
    assert "not a public address" in message


def test_the_steps_timeout_bounds_the_whole_request(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/slow").respond_with_handler(lambda request: time.sleep(1) or Response("late"))
    code, _ = failed(run({"type": "api", "url": httpserver.url_for("/slow"), "timeout_seconds": 0.2}))
    assert code == "timeout"


def test_a_header_that_a_template_breaks_is_refused_before_it_is_sent(run: Run, base: str) -> None:
    step = {"type": "api", "url": f"{base}/echo", "headers": {"X-A": "{{ inputs.a }}"}}
    code, message = failed(run(step, inputs={"a": {"type": "string"}}, given={"a": "x\r\nHost: evil"}))
    assert (code, "X-A" in message) == ("invalid_field", True)


@pytest.mark.parametrize(
    ("schema", "status", "shown"),
    [({"maxLength": 9}, "completed", "\ufffda"), ({"maxLength": 1}, "failed", "schema_mismatch")],
)
def test_half_of_a_surrogate_pair_in_an_answer_is_the_replacement_character(
    run: Run, httpserver: HTTPServer, schema: dict[str, Any], status: str, shown: str
) -> None:
    httpserver.expect_request("/half").respond_with_data('["\\ud83da"]', content_type="application/json")
    expected = {"type": "array", "items": {"type": "string", **schema}}
    finished = run({"type": "api", "url": httpserver.url_for("/half"), "response_schema": expected})
    assert finished.status == status
    assert (body(finished)[0] if status == "completed" else finished.error["code"]) == shown  # type: ignore[index]


def test_an_answer_with_too_many_values_is_refused_before_it_is_read(run: Run, httpserver: HTTPServer) -> None:
    text = "[" + "[]," * 1_000_000 + "1]"
    httpserver.expect_request("/many").respond_with_data(text, content_type="application/json")
    code, message = failed(run({"type": "api", "url": httpserver.url_for("/many")}))
    assert code == "too_large"
    assert "values" in message


def test_a_large_answer_is_read_and_checked(run: Run, httpserver: HTTPServer) -> None:
    rows = [{"n": n, "text": "x" * 50} for n in range(6_000)]
    httpserver.expect_request("/rows").respond_with_json(rows)
    step = {"type": "api", "url": httpserver.url_for("/rows")}
    schema = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    assert body(run({**step, "response_schema": schema})) == rows
    schema = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}}}
    assert failed(run({**step, "response_schema": schema}))[0] == "schema_mismatch"


@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "array", "maxItems": 0}])
def test_an_answer_that_is_too_deep_for_its_schema_fails_by_name(run: Run, httpserver: HTTPServer, schema: Any) -> None:
    httpserver.expect_request("/deep").respond_with_data("[" * 500 + "]" * 500, content_type="application/json")
    code, message = failed(run({"type": "api", "url": httpserver.url_for("/deep"), "response_schema": schema}))
    assert (code, "cannot be checked against this schema" in message) == ("schema_mismatch", True)


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "unicode_escape", "no-such", "\u00e9"])
def test_a_charset_that_no_document_has_is_read_as_utf_8(run: Run, httpserver: HTTPServer, charset: str) -> None:
    kind = f"text/plain; charset={charset}".encode().decode("latin-1")
    httpserver.expect_request("/text").respond_with_data("caf\u00e9 \\n".encode(), headers={"content-type": kind})
    assert body(run({"type": "api", "url": httpserver.url_for("/text")})) == "caf\u00e9 \\n"


def test_integers_beyond_64_bit_are_read_as_their_digits(run: Run, httpserver: HTTPServer) -> None:
    text = '{"id": 18446744073709551616, "ids": [-9223372036854775809, 9223372036854775807], "far": 1e999}'
    httpserver.expect_request("/big").respond_with_data(text, content_type="application/json")
    step = {"type": "api", "url": httpserver.url_for("/big")}
    assert body(run(step)) == {
        "id": "18446744073709551616",
        "ids": ["-9223372036854775809", 9223372036854775807],
        "far": "1e999",
    }
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    code, message = failed(run({**step, "response_schema": schema}))
    assert code == "schema_mismatch"
    assert "a number beyond 64 bit is read as the text of its digits; allow type: string as well" in message
    schema["properties"]["id"]["type"] = ["integer", "string"]  # type: ignore[index]
    assert body(run({**step, "response_schema": schema}))["id"] == "18446744073709551616"


def test_the_reason_of_a_failure_may_have_a_long_integer(run: Run, httpserver: HTTPServer) -> None:
    text = '{"message": "no such order", "id": 18446744073709551616}'
    httpserver.expect_request("/big").respond_with_data(text, status=404, content_type="application/json")
    finished = run({"type": "api", "url": httpserver.url_for("/big")})
    assert finished.error["detail"]["body"] == {"message": "no such order", "id": "18446744073709551616"}


def test_a_part_of_an_answer_is_no_answer_unless_a_range_was_asked_for(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/part").respond_with_data("abc", status=206)
    step = {"type": "api", "url": httpserver.url_for("/part")}
    assert failed(run(step))[0] == "http_206"
    assert body(run({**step, "headers": {"Range": "bytes=0-2"}})) == "abc"


GARBAGE = {
    "another protocol": b"HTTP/1.1 OK 200\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}",
    "a broken header": b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_http_is_said_and_is_no_broken_connection(run: Run, tmp_path: Path, name: str) -> None:
    with raw_server(lambda _, connection: connection.sendall(GARBAGE[name])) as base:
        port = base.rpartition(":")[2].strip("/")
        ports = real_ports(
            Settings(home=tmp_path, sites=tmp_path, egress_allow=f"127.0.0.1:{port}"), FileConnections(tmp_path)
        )
        code, message = failed(run({"type": "api", "url": base}, ports=ports))
    assert code == "server_error"
    assert message.startswith("127.0.0.1 answered what is no HTTP: ")
    assert "bytearray" not in message


def test_a_server_that_is_silent_is_named(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/slow").respond_with_handler(lambda request: time.sleep(2) or Response("late"))  # type: ignore[func-returns-value]
    code, message = failed(run({"type": "api", "url": httpserver.url_for("/slow"), "timeout_seconds": 1}))
    assert code == "timeout"
    assert re.fullmatch(r"localhost did not answer within 0\.9\d* s", message)
