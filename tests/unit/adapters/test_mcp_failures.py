"""MCP servers that misbehave: the error says what happened, and only what a second call may mend is passing."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, TransientError
from flowbuilder.testing import FakeConnections

PROGRAM = Path(__file__).parents[2] / "support/servers/small_mcp_program.py"


async def met(record: dict[str, Any], seconds: float = 10) -> Any:
    """The error of a call."""
    with pytest.raises(FlowbuilderError) as caught:
        async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
            await session.call("shout", {"text": "tea"}, seconds=seconds)
    return caught.value


def passing(problem: Exception) -> str:
    """The reason for which the call may be repeated; empty where it may not."""
    return problem.reason if isinstance(problem, TransientError) else ""


@pytest.mark.parametrize(
    ("fault", "code", "said", "called"),
    [
        (
            "exits at start",
            "mcp_unusable",
            "exited with code 3 before it was ready (it wrote: Set API_KEY first)",
            False,
        ),
        ("old version", "mcp_unusable", "a version of the protocol that is not supported", False),
        ("empty greeting", "mcp_protocol", "cannot be used: ", False),
        ("exits in the call", "mcp_ended", "exited with code 7 during the call", True),
        ("is killed in the call", "mcp_ended", "was killed by signal SIGKILL during the call", True),
        ("internal error", "mcp_failed", "boom (error -32603)", True),
        ("own error", "mcp_failed", "my own error (error -32000)", True),
        ("not JSON", "mcp_protocol", "it is no JSON-RPC message", True),
        ("unknown block", "mcp_protocol", "block 0 of its content is no valid block of type 'hologram'", True),
        ("no content", "mcp_protocol", "content: Field required", True),
        ("a task", "mcp_protocol", "content: Field required", True),
        ("input required", "mcp_protocol", "shout asks for further input, and a step gives none", True),
        ("another type", "mcp_protocol", "it is of the type 'later', which is not known", True),
        ("another id", "mcp_protocol", "it is the answer to another request (999)", True),
        ("no id", "mcp_protocol", 'it is no JSON-RPC message: {"jsonrpc": "2.0", "id": null', True),
        ("no version", "mcp_protocol", "it is no JSON-RPC message", True),
        ("an older version", "mcp_protocol", 'it is no JSON-RPC message: {"jsonrpc": "1.0"', True),
        ("an unreadable greeting", "mcp_protocol", "it is no JSON-RPC message", False),
        ("large", "too_large", "an answer of more than 4,194,304 bytes", True),
    ],
)
async def test_what_a_program_does_wrong_is_lasting_and_said(
    tmp_path: Path, fault: str, code: str, said: str, called: bool
) -> None:
    log = tmp_path / "asked"
    problem = await met({"command": [sys.executable, "-S", str(PROGRAM), fault], "environment": {"LOG": str(log)}})
    assert (problem.code, passing(problem)) == (code, "")
    assert said in str(problem)
    assert problem.definitive is not called
    methods = log.read_text().split() if log.exists() else []
    assert methods.count("tools/call") == called


async def test_a_server_that_writes_other_lines_than_messages_is_understood() -> None:
    record = {"command": [sys.executable, "-S", str(PROGRAM), "words at start"]}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        assert (await session.call("shout", {"text": "tea"}, seconds=10)).text == "TEA"


async def test_a_timeout_quotes_the_line_that_was_no_message() -> None:
    problem = await met({"command": [sys.executable, "-S", str(PROGRAM), "other words"]}, seconds=0.3)
    assert passing(problem) == "timeout"
    assert "did not answer within 0.3 s; it wrote a line that is no message: about to do it" in str(problem)


async def test_integers_beyond_64_bit_are_read_as_their_digits() -> None:
    record = {"command": [sys.executable, "-S", str(PROGRAM), "long integers"]}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        answer = await session.call("shout", {"text": "tea"}, seconds=10)
    assert answer.structured == {"id": str(2**64), "ids": [str(-(2**70)), 7]}


async def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    record = {"command": [sys.executable, "-S", str(PROGRAM), "not UTF-8"]}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        assert (await session.call("shout", {"text": "tea"}, seconds=10)).text == "\ufffd"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"command": ["/nowhere/at-all", "x"]}, "cannot be started: No such file or directory: /nowhere/at-all"),
        ({"command": ["no-such-command"]}, "cannot be started: No such file or directory: no-such-command"),
        ({"command": [str(PROGRAM)]}, "cannot be started: Permission denied"),
        ({"command": ["true"], "folder": "/nowhere"}, "cannot be started: No such file or directory: /nowhere"),
    ],
)
async def test_a_command_that_cannot_be_started_is_named(record: dict[str, Any], said: str) -> None:
    problem = await met(record)
    assert isinstance(problem, ConfigurationError)
    assert said in str(problem)


WELCOME = "<html><head><title>Welcome &amp; hello</title></head></html>"
REFUSED = json.dumps({"error": "invalid_token", "error_description": "No key given"})


@pytest.mark.parametrize(
    ("status", "kind", "body", "reason", "said"),
    [
        (401, "application/json", REFUSED, "", "401 Unauthorized (No key given): it needs credentials; set token"),
        (403, "text/plain", "wrong origin", "", "403 Forbidden (wrong origin): the credentials of the connection s"),
        (404, "text/plain", "", "", "404 Not Found: there is no MCP server at this address"),
        (404, "text/html", WELCOME, "", "404 Not Found (Welcome & hello): this is a web page and no MCP server"),
        (200, "text/html", WELCOME, "", "200 OK (Welcome & hello): this is a web page and no MCP server"),
        (302, "text/plain", "", "", "302 Found: redirects are not followed; give the address itself"),
        (500, "text/plain", "oops", "server_error", "500 Internal Server Error (oops)"),
        (200, "application/json", "hello", "", "it is no JSON-RPC message"),
        (200, "application/json", "{}", "", "it is no JSON-RPC message"),
    ],
)
async def test_an_address_that_is_no_mcp_server_is_reported_with_a_remedy(
    httpserver: HTTPServer, status: int, kind: str, body: str, reason: str, said: str
) -> None:
    httpserver.expect_request("/mcp").respond_with_data(
        body,
        status=status,
        content_type=kind,
        headers={"location": "https://other.example/mcp"} if status == 302 else {},
    )
    problem = await met({"url": httpserver.url_for("/mcp"), "connect_seconds": 5})
    assert passing(problem) == reason
    assert said in str(problem)


async def test_wrong_credentials_are_told_from_missing_ones(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/mcp").respond_with_data("no", status=401)
    problem = await met({"url": httpserver.url_for("/mcp"), "token": "wrong-token"})
    assert "the credentials are not accepted; correct token, oauth2 or headers in the connection s" in str(problem)
    assert "wrong-token" not in str(problem)


@pytest.mark.parametrize("path", ["/sse", "/events"])
async def test_the_older_transport_is_named(httpserver: HTTPServer, path: str) -> None:
    events = "event: endpoint\ndata: /messages?session=1\n\n"
    httpserver.expect_request(path, method="GET").respond_with_data(events, content_type="text/event-stream")
    httpserver.expect_request(path, method="POST").respond_with_data("", status=405)
    problem = await met({"url": httpserver.url_for(path)})
    assert (problem.code, "SSE is not supported" in str(problem)) == ("mcp_unusable", True)


def greeting(request: Request) -> dict[str, Any] | None:
    """The answer of a server to all but the call of a tool."""
    asked = request.get_json()
    tool = {"name": "shout", "inputSchema": {"type": "object"}}
    known = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "s", "version": "1"},
        },
        "tools/list": {"tools": [tool]},
    }
    if asked["method"] in known:
        return {"jsonrpc": "2.0", "id": asked["id"], "result": known[asked["method"]]}
    if asked["method"] == "tools/call":
        return None
    return {"jsonrpc": "2.0", "id": asked.get("id"), "error": {"code": -32601, "message": "unknown"}}


def event(size: int, number: int = 1) -> bytes:
    """An answer to the request of this number with a text of so many characters, as an event."""
    result = {"content": [{"type": "text", "text": "x" * size}]}
    return b"event: message\ndata: " + json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("answer", "code", "said", "called"),
    [
        (Response("{}", status=401), "mcp_unusable", "401 Unauthorized", False),
        (Response("", status=404), "connection", "it has ended the session", False),
        (Response("oops", status=500), "mcp_failed", "500 Internal Server Error (oops); it is not known", True),
        (Response(WELCOME, status=502, content_type="text/html"), "mcp_failed", "502 Bad Gateway (Welcome", True),
        (Response(WELCOME, content_type="text/html"), "mcp_unusable", "this is a web page", True),
        (Response("{bad", content_type="application/json"), "mcp_protocol", "it is no JSON-RPC message", True),
        (Response("data: {bad\n\n", content_type="text/event-stream"), "mcp_protocol", "no JSON-RPC message", True),
        (Response(": hello\n\n", content_type="text/event-stream"), "mcp_ended", "during the call", True),
        (Response(event(5_000_000), content_type="text/event-stream"), "too_large", "more than 4,194,304 bytes", True),
        (Response("x" * 5_000_000, content_type="application/json"), "too_large", "more than 4,194,304 bytes", True),
        (Response("x", headers={"content-encoding": "gzip"}), "mcp_protocol", "the answer is compressed", True),
        (
            Response('{"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "no session"}}', status=400,
                     content_type="application/json"),
            "mcp_refused",
            "no session",
            True,
        ),
    ],
)  # fmt: skip
async def test_what_a_server_answers_to_a_call_over_http_is_said(
    httpserver: HTTPServer, answer: Response, code: str, said: str, called: bool
) -> None:
    calls = []

    def respond(request: Request) -> Response:
        if (known := greeting(request)) is not None:
            return Response(json.dumps(known), content_type="application/json")
        calls.append(request.get_json())
        return answer

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)
    problem = await met({"url": httpserver.url_for("/mcp")})
    assert (problem.code, said in str(problem)) == (code, True), str(problem)
    assert (len(calls), problem.definitive) == (1, not called)
    assert passing(problem) == ("connection" if code == "connection" else "")


async def test_an_event_of_more_than_a_mebibyte_arrives(httpserver: HTTPServer) -> None:
    def respond(request: Request) -> Response:
        if (known := greeting(request)) is not None:
            return Response(json.dumps(known), content_type="application/json")
        return Response(event(2_000_000, request.get_json()["id"]), content_type="text/event-stream")

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)
    record = {"url": httpserver.url_for("/mcp")}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        assert len((await session.call("shout", {}, seconds=10)).text) == 2_000_000


async def test_a_server_that_is_not_there_is_passing_and_certainly_did_nothing() -> None:
    begun = time.monotonic()
    problem = await met({"url": "http://127.0.0.1:9/mcp"})
    assert (passing(problem), problem.definitive) == ("connection", True)
    assert isinstance(problem, StepError)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [("a list in a circle", "leads back to itself"), ("an endless list", "has more than 20 pages")],
)
async def test_a_list_of_tools_that_does_not_end_is_said(fault: str, said: str) -> None:
    problem = await met({"command": [sys.executable, "-S", str(PROGRAM), fault]})
    assert (problem.code, problem.definitive, passing(problem)) == ("mcp_protocol", True, "")
    assert f"the list of tools of MCP server s {said}" in str(problem)


async def test_an_empty_cursor_is_the_end_of_the_list() -> None:
    record = {"command": [sys.executable, "-S", str(PROGRAM), "an empty cursor"]}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        names = [tool.name for tool in await session.tools()]
        assert len(names) == len(set(names))


async def test_arguments_that_do_not_fit_are_certainly_not_sent(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    record = {"command": [sys.executable, "-S", str(PROGRAM)], "environment": {"LOG": str(log)}}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        for tool, arguments in (("shout", {"text": 7}), ("shout", {}), ("whisper", {})):
            with pytest.raises(StepError) as caught:
                await session.call(tool, arguments, seconds=10)
            assert caught.value.definitive
    assert "tools/call" not in log.read_text()


async def test_what_is_wrong_with_an_answer_of_success_does_not_hide_it() -> None:
    record = {"command": [sys.executable, "-S", str(PROGRAM), "a wrong sum"]}
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        answer = await session.call("add", {"a": 3, "b": 4}, seconds=10)
    assert (answer.text, answer.structured) == ("added", {"total": "seven"})
    assert answer.problem is not None
    assert answer.problem.code == "schema_mismatch"


def answering(httpserver: HTTPServer, call: Any) -> list[str]:
    """A server that answers a call of the tool with `call(asked)`; the list of the methods that it was asked for."""
    seen: list[str] = []

    def answer(request: Request) -> Response:
        asked = request.get_json()
        seen.append(asked["method"])
        if "id" not in asked:
            return Response(status=202)
        known = greeting(request)
        return call(asked) if known is None else Response(json.dumps(known), content_type="application/json")  # type: ignore[no-any-return]

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(answer)
    return seen


def message(content_type: str = "application/json", **members: Any) -> Any:
    """A message as an answer to a call: with the id of the call where it names no other."""

    def answer(asked: dict[str, Any]) -> Response:
        text = json.dumps({"jsonrpc": "2.0", "id": asked["id"], **members})
        events = content_type == "text/event-stream"
        return Response(f": hi\r\ndata: {text}\r\n\r\n" if events else text, content_type=content_type)

    return answer


DONE = {"content": [{"type": "text", "text": "done"}]}
NO_ANSWERS = {
    "another id": (message(id=999, result=DONE), "it is the answer to another request (999)"),
    "another id in an event": (message("text/event-stream", id=999, result=DONE), "answer to another request (999)"),
    "an error without an id": (message(id=None, error={"code": -32600, "message": "Bad"}), "Bad (error -32600)"),
    "accepted": (lambda asked: Response(status=202), "it is 202 without a result"),
    "no content": (lambda asked: Response(status=204), "it is 204 without a result"),
    "no type": (lambda asked: Response(b"{}", headers={"content-type": ""}), "it has no content type"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
async def test_what_is_no_answer_to_the_call_is_never_taken_for_one(httpserver: HTTPServer, name: str) -> None:
    answer, said = NO_ANSWERS[name]
    seen = answering(httpserver, answer)
    problem = await met({"url": httpserver.url_for("/mcp")})
    assert (problem.code, passing(problem), problem.definitive) == ("mcp_protocol", "", False)
    assert said in str(problem)
    assert seen.count("tools/call") == 1


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_id_may_come_back_as_text(httpserver: HTTPServer, kind: str) -> None:
    answering(httpserver, lambda asked: message(kind, id=str(asked["id"]), result=DONE)(asked))
    async with ConnectedServers(FakeConnections({"s": {"url": httpserver.url_for("/mcp")}})).open("s") as session:
        assert (await session.call("shout", {}, seconds=10)).text == "done"


async def test_a_400_for_an_unknown_session_is_the_end_of_the_session(httpserver: HTTPServer) -> None:
    error = {"code": -32000, "message": "Bad Request: No valid session ID provided"}
    text = json.dumps({"jsonrpc": "2.0", "id": None, "error": error})
    answering(httpserver, lambda asked: Response(text, status=400, content_type="application/json"))
    problem = await met({"url": httpserver.url_for("/mcp")})
    assert (problem.code, problem.definitive) == ("connection", True)
    assert "it has ended the session" in str(problem)


async def test_a_server_that_redirects_to_itself_is_called_and_one_that_does_so_in_a_circle_is_said(
    httpserver: HTTPServer,
) -> None:
    def there(request: Request) -> Response:
        return Response(status=307, headers={"location": "/mcp"})

    answering(httpserver, message(result=DONE))
    httpserver.expect_request("/here").respond_with_handler(there)
    async with ConnectedServers(FakeConnections({"s": {"url": httpserver.url_for("/here")}})).open("s") as session:
        assert (await session.call("shout", {}, seconds=10)).text == "done"
    httpserver.expect_request("/round").respond_with_data(status=307, headers={"location": "/round"})
    problem = await met({"url": httpserver.url_for("/round")})
    assert "it redirects in a circle; give the address itself as url (/round)" in str(problem)
