"""One session for each MCP server and execution: shared by steps, replaced when it is lost, closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.mcp.shared_sessions import SharedSessions
from flowbuilder.errors import StepError, Throttled, TransientError
from flowbuilder.ports.mcp import McpServers
from flowbuilder.testing import FakeConnections, FakeThrottle

PROGRAM = Path(__file__).parents[2] / "support/servers/small_mcp_program.py"


def record(log: Path, *words: str, **more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", str(PROGRAM), *words], "environment": {"LOG": str(log)}, **more}


def asked(log: Path, method: str) -> int:
    """How often the programs were asked for this."""
    return log.read_text().split().count(method) if log.exists() else 0


async def shout(servers: McpServers, seconds: float = 10) -> str:
    async with servers.open("s") as session:
        return (await session.call("shout", {"text": "tea"}, seconds=seconds)).text


async def pid(servers: McpServers) -> int:
    async with servers.open("s") as session:
        answer: Any = (await session.call("surroundings", {}, seconds=10)).structured
        return int(answer["pid"])


async def test_steps_share_a_session_at_once_and_one_after_the_other(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    async with ConnectedServers(FakeConnections({"s": record(log)})).shared() as servers:
        assert await asyncio.gather(*[shout(servers) for _ in range(10)]) == ["TEA"] * 10
        for _ in range(10):
            assert await shout(servers) == "TEA"
        process = psutil.Process(await pid(servers))
    assert not process.is_running()
    assert (asked(log, "initialize"), asked(log, "tools/list"), asked(log, "tools/call")) == (1, 1, 21)


async def test_the_server_is_closed_with_the_block_even_when_a_step_fails(tmp_path: Path) -> None:
    seen: list[psutil.Process] = []

    async def fail() -> None:
        async with ConnectedServers(FakeConnections({"s": record(tmp_path / "asked")})).shared() as servers:
            seen.append(psutil.Process(await pid(servers)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not seen[0].is_running()


async def test_a_server_that_ended_between_two_steps_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    async with ConnectedServers(FakeConnections({"s": record(log)})).shared() as servers:
        process = psutil.Process(await pid(servers))
        supervisor = process.parent()
        process.kill()
        assert supervisor is not None
        with contextlib.suppress(psutil.TimeoutExpired):  # it is no child of this process that `wait` could collect
            supervisor.wait(5)
        assert await shout(servers) == "TEA"
    assert asked(log, "initialize") == 2


async def test_a_call_without_an_answer_ends_the_session_and_the_next_step_gets_another(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    async with ConnectedServers(FakeConnections({"s": record(log)})).shared() as servers:
        first = psutil.Process(await pid(servers))
        other = asyncio.create_task(_slow(servers, 1.0))
        await asyncio.sleep(0.1)
        with pytest.raises(TransientError, match="did not answer"):
            await _slow(servers, 30, seconds=0.2)
        assert await shout(servers) == "TEA"
        assert await other == "at last"  # a step that used the first session was left alone
        assert await pid(servers) != first.pid
    assert asked(log, "initialize") == 2
    assert not first.is_running()


async def _slow(servers: McpServers, wait: float, *, seconds: float = 20) -> str:
    async with servers.open("s") as session:
        return (await session.call("slow", {"seconds": wait}, seconds=seconds)).text


async def test_steps_that_wait_for_a_server_get_its_error_and_the_next_one_tries_again(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    known = FakeConnections({"s": record(log, "old version")})
    async with ConnectedServers(known).shared() as servers:
        found = await asyncio.gather(*[shout(servers) for _ in range(5)], return_exceptions=True)
        assert {getattr(problem, "code", None) for problem in found} == {"mcp_unusable"}
        assert asked(log, "initialize") == 1
        with pytest.raises(StepError):
            await shout(servers)
        assert asked(log, "initialize") == 2


async def test_a_step_that_gives_up_while_connecting_waits_for_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    silent = {"command": [sys.executable, "-S", "-c", "import time; time.sleep(60)"], "connect_seconds": 3}
    servers = ConnectedServers(FakeConnections({"s": silent}))
    begun, others = time.monotonic(), psutil.Process().children(recursive=True)
    async with servers.shared() as shared:
        first = asyncio.create_task(shout(shared))
        await asyncio.sleep(0.3)
        second = asyncio.create_task(shout(shared))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert time.monotonic() - begun < 2
        with pytest.raises(TransientError, match="did not answer within 3 s"):
            await second
        assert 3 < time.monotonic() - begun < 6
        children = [child for child in psutil.Process().children(recursive=True) if child not in others]
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


async def test_a_rate_limit_on_opening_concerns_only_the_step_that_met_it(tmp_path: Path) -> None:
    known = FakeConnections({"s": record(tmp_path / "asked", limits={"rate": "1/hour"})})
    async with ConnectedServers(known, FakeThrottle(connections=known)).shared() as servers:
        found = await asyncio.gather(*[shout(servers) for _ in range(3)], return_exceptions=True)
    assert all(isinstance(problem, Throttled) for problem in found)
    assert len({id(problem) for problem in found}) == 3


async def test_a_session_over_http_that_the_server_forgot_is_opened_again_by_the_next_step(
    httpserver: HTTPServer,
) -> None:
    seen: list[str] = []

    def respond(request: Request) -> Response:
        message = request.get_json()
        seen.append(message["method"])
        known: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "s", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "shout", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": "TEA"}]},
        }
        if "id" not in message:
            return Response("", status=202)
        if message["method"] not in known:
            return Response("", status=404)
        if message["method"] == "tools/call" and seen.count("tools/call") == 2:
            return Response("", status=404)
        result = {"jsonrpc": "2.0", "id": message["id"], "result": known[message["method"]]}
        headers = {"mcp-session-id": f"session-{seen.count('initialize')}"}
        return Response(json.dumps(result), content_type="application/json", headers=headers)

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)
    httpserver.expect_request("/mcp").respond_with_data("", status=405)
    async with ConnectedServers(FakeConnections({"s": {"url": httpserver.url_for("/mcp")}})).shared() as servers:
        assert await shout(servers) == "TEA"
        with pytest.raises(TransientError, match="has ended the session"):
            await shout(servers)
        assert await shout(servers) == "TEA"
    assert seen.count("initialize") == 2


async def test_a_step_in_a_thread_of_its_own_gets_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    async with ConnectedServers(FakeConnections({"s": record(log)})).shared() as servers:
        assert await shout(servers) == "TEA"
        assert await asyncio.to_thread(asyncio.run, shout(servers)) == "TEA"
    assert asked(log, "initialize") == 2


class OpenedSession:
    is_usable = True
    stopped = False

    def stop(self) -> None:
        self.stopped = True

    async def ended(self) -> None:
        """There is nothing to wait for."""


class TwoServers:
    """`bad` fails while `good`, whose session was begun after it, still connects."""

    def __init__(self) -> None:
        self.sessions: dict[str, OpenedSession] = {}
        self.both = asyncio.Event()

    async def start(self, server: str, opened: Any) -> OpenedSession:
        session = self.sessions[server] = OpenedSession()
        opened(session)
        if len(self.sessions) == 2:
            self.both.set()
        await self.both.wait()
        if server == "bad":
            raise StepError("no such command", code="mcp_failed")
        await asyncio.sleep(0.05)
        return session

    def limited(self, server: str, session: OpenedSession) -> OpenedSession:
        return session


async def test_a_server_that_cannot_be_opened_ends_no_other() -> None:
    servers = TwoServers()
    shared = SharedSessions(servers)  # type: ignore[arg-type]

    async def use(server: str) -> Any:
        async with shared.open(server) as session:
            return session

    failed, used = await asyncio.gather(use("bad"), use("good"), return_exceptions=True)
    assert isinstance(failed, StepError)
    assert servers.sessions["bad"].stopped
    assert used is servers.sessions["good"]
    assert not servers.sessions["good"].stopped
    with pytest.raises(StepError):
        await use("bad")


async def test_steps_of_a_server_that_hangs_end_in_their_time(httpserver: HTTPServer) -> None:
    over = threading.Event()

    def respond(request: Request) -> Response:
        asked = request.get_json()
        if asked["method"] == "tools/call":
            over.wait(20)  # the server answers one request at a time, so all others hang too
        server = {"capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
        tool = {"name": "shout", "inputSchema": {"type": "object"}}
        known = {"initialize": {"protocolVersion": "2025-06-18", **server}, "tools/list": {"tools": [tool]}}
        result = (
            {"result": known[asked["method"]]}
            if asked["method"] in known
            else {"error": {"code": -32601, "message": "?"}}
        )
        text = json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), **result})
        return Response(text, content_type="application/json") if "id" in asked else Response(status=202)

    async def call(servers: McpServers) -> float:
        begun = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await shout(servers)
        return time.monotonic() - begun

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(respond)
    record = {"url": httpserver.url_for("/mcp")}
    try:
        async with ConnectedServers(FakeConnections({"s": record})).shared() as servers:
            async with servers.open("s") as session:
                await session.tools()
            assert max(await asyncio.gather(*[call(servers) for _ in range(4)])) < 3
            begun = time.monotonic()
        assert time.monotonic() - begun < 4
    finally:
        over.set()
