"""Messages of MCP servers that the SDK would refuse as a whole: halves of surrogate pairs, marks, and notifications."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.mcp.stdio_proxy import well_formed_json
from flowbuilder.errors import StepError
from flowbuilder.testing import FakeConnections, Finished, fake_ports, run_locally

PROGRAM = Path(__file__).parents[3] / "support/servers/small_mcp_program.py"
HALVES = "\U0001f600 \ufffd \\ud800 \ufffdA \U0010ffff"


def program(*words: str, **more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", str(PROGRAM), *words], **more}


async def shouted(record: dict[str, Any]) -> str:
    async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
        return (await session.call("shout", {"text": "tea"}, seconds=10)).text


def an_effect(record: dict[str, Any]) -> Finished:
    """An execution whose one step calls the tool as a write."""
    step = {"id": "s", "type": "mcp", "server": "s", "tool": "shout", "arguments": {"text": "tea"}, "effect": {}}
    document: dict[str, Any] = {
        "schema": "flowbuilder/v1",
        "name": "one-step",
        "title": "One step",
        "steps": [step],
        "outputs": {"s": "{{ steps.s.output }}"},
    }
    return run_locally(document, ports=fake_ports(mcp=ConnectedServers(FakeConnections({"s": record}))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rb'"plain \u00e4 \\ \""', None),
        (rb'"\ud83d\ude00 \uD83D\uDE00"', None),
        (rb'"\\ud800 \\\\ud800"', None),
        (rb'"\\\ud800"', rb'"\\\ufffd"'),
        (rb'"\ud800\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\u0041"', rb'"\ufffd\u0041"'),
        (b'"a\xed\xa0\x80b \xed\x9f\xbf"', b'"a\xef\xbf\xbdb \xed\x9f\xbf"'),
        (b'\xef\xbb\xbf{"a": 1}', b'{"a": 1}'),
        (rb'{"\ud800": [', rb'{"\ufffd": ['),
        (b"\\ud80", None),
        (b"\\", None),
    ],
)
def test_halves_of_pairs_become_the_replacement_character_and_all_else_stays(text: bytes, found: bytes | None) -> None:
    assert well_formed_json(text) == (text if found is None else found)


async def test_an_answer_of_a_program_with_halves_of_pairs_arrives() -> None:
    assert await shouted(program("halves")) == HALVES
    assert await shouted(program("a byte order mark")) == ""


def test_a_write_whose_answer_has_halves_of_pairs_is_done() -> None:
    finished = an_effect(program("halves"))
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"]["content"] == [{"type": "text", "text": HALVES}]


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rb"\ud83d\ude00 \ud800 \\ud800 \udc00\u0041 \uDBFF\uDFFF", HALVES),
        (b"\xed\xa0\x80", "\ufffd"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
async def test_so_does_one_over_http(httpserver: HTTPServer, kind: str, text: bytes, found: str) -> None:
    answered_over_http(httpserver, kind, b'"result": {"content": [{"type": "text", "text": "%b"}]}' % text)
    assert await shouted({"url": httpserver.url_for("/mcp")}) == found


async def test_a_message_of_the_servers_own_in_place_of_an_answer_is_said(httpserver: HTTPServer) -> None:
    answered_over_http(httpserver, "application/json", b'"method": "notifications/message", "params": {}')
    with pytest.raises(StepError, match="it is a message of the server's own, and no answer") as caught:
        await shouted({"url": httpserver.url_for("/mcp")})
    assert (caught.value.code, caught.value.definitive) == ("mcp_protocol", False)


def answered_over_http(httpserver: HTTPServer, kind: str, members: bytes) -> None:
    """A server that answers a call with these members of a message, in two halves of an event."""

    def respond(request: Request) -> Response:
        asked = request.get_json()
        if "id" not in asked:
            return Response(status=202)
        tool = {"name": "shout", "inputSchema": {"type": "object"}}
        server = {"capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
        known = {"initialize": {"protocolVersion": "2025-06-18", **server}, "tools/list": {"tools": [tool]}}
        if asked["method"] != "tools/call":
            body = {"result": known[asked["method"]]} if asked["method"] in known else {"error": NO_METHOD}
            return Response(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **body}), content_type="application/json")
        message = b'{"jsonrpc": "2.0", "id": %d, %b}' % (asked["id"], members)
        if kind == "application/json":
            return Response(message, content_type=kind)
        middle = len(message) // 2
        return Response(iter([b": hello\n\ndata: ", message[:middle], message[middle:], b"\n\n"]), content_type=kind)

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)


NO_METHOD = {"code": -32601, "message": "unknown"}


async def test_notifications_that_cannot_be_read_do_not_end_a_call(caplog: pytest.LogCaptureFixture) -> None:
    record = program("notifications")
    with caplog.at_level(logging.DEBUG):
        async with ConnectedServers(FakeConnections({"s": record})).open("s") as session:
            for _ in range(2):
                assert (await session.call("shout", {"text": "tea"}, seconds=10)).content == ()
    assert "loud" not in caplog.text
    assert "a log in JSON" not in caplog.text
