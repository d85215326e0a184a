"""MCP over stdio and HTTP, against a real server of the SDK's own kind."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psutil
import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.ports.mcp import McpSession
from flowbuilder.testing import FakeConnections
from tests.support.servers.mcp_over_http import PROGRAM, mcp_over_http

SMALL = {"command": [sys.executable, "-S", str(PROGRAM.with_name("small_mcp_program.py"))]}
STDIO = {"command": [sys.executable, str(PROGRAM), "stdio"]}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The URL of the same server over HTTP."""
    with mcp_over_http() as url:
        yield url


@pytest.fixture(params=["stdio", "http"])
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(STDIO) if request.param == "stdio" else {"url": request.getfixturevalue("served")}


@pytest.fixture
def web(served: str) -> dict[str, Any]:
    """The server that is running already."""
    return {"url": served}


def opened(record: dict[str, Any], **more: Any) -> contextlib.AbstractAsyncContextManager[McpSession]:
    return ConnectedServers(FakeConnections({"s": {**record, **more}})).open("s")


async def failure(work: Any, kind: type[FlowbuilderError] = StepError) -> Any:
    with pytest.raises(kind) as caught:
        await work
    return caught.value


async def test_tools_are_listed_and_called(record: dict[str, Any]) -> None:
    async with opened(record) as session:
        tools = {tool.name: tool for tool in await session.tools()}
        assert tools["add"].description == "Add two numbers."
        assert tools["add"].input_schema["required"] == ["a", "b"]
        answer = await session.call("add", {"a": 2, "b": 3}, seconds=10)
        assert answer.structured == {"total": 5}
        assert (await session.call("shout", {"text": "tea"}, seconds=10)).text == "TEA"


async def test_calls_may_run_at_once(web: dict[str, Any]) -> None:
    async with opened(web) as session:
        answers = await asyncio.gather(*[session.call("add", {"a": n, "b": n}, seconds=20) for n in range(8)])
        assert [answer.structured for answer in answers] == [{"total": 2 * n} for n in range(8)]


async def test_a_failing_tool_fails_the_step_with_its_message(web: dict[str, Any]) -> None:
    async with opened(web) as session:
        problem = await failure(session.call("fail", {"why": "no tea left"}, seconds=10))
        assert (problem.code, "no tea left" in str(problem)) == ("mcp_tool", True)
        assert (await session.call("shout", {"text": "on"}, seconds=10)).text == "ON"


async def test_a_preset_detects_failures_reported_as_success(web: dict[str, Any]) -> None:
    tools = ["pretend"]
    async with opened(web, preset="context7", tools=tools) as session:
        problem = await failure(session.call("pretend", {"text": "fetch failed"}, seconds=10))
        assert problem.code == "mcp_tool"
    async with opened(web, tools=tools) as session:
        assert "fetch failed" in (await session.call("pretend", {"text": "fetch failed"}, seconds=10)).text


@pytest.mark.parametrize("arguments", [{}, {"a": 1}, {"a": "x", "b": 2}])
async def test_arguments_are_checked_before_the_call(web: dict[str, Any], arguments: dict[str, Any]) -> None:
    async with opened(web) as session:
        assert (await failure(session.call("add", arguments, seconds=10))).code == "schema_mismatch"


async def test_only_what_the_record_allows_can_be_called(web: dict[str, Any]) -> None:
    async with opened(web, tools=["add"]) as session:
        assert [tool.name for tool in await session.tools()] == ["add"]
        problem = await failure(session.call("shout", {"text": "x"}, seconds=10))
        assert (problem.code, "allowed: add" in str(problem)) == ("mcp_unknown_tool", True)


async def test_a_call_ends_at_its_timeout_and_the_session_can_be_closed(record: dict[str, Any]) -> None:
    begun = time.monotonic()
    async with opened(record) as session:
        problem = await failure(session.call("slow", {"seconds": 30}, seconds=0.5), TransientError)
        assert problem.reason == "timeout"
        assert time.monotonic() - begun < 10


async def test_an_answer_has_a_size_limit(record: dict[str, Any]) -> None:
    async with opened(record, max_bytes=100_000) as session:
        assert len((await session.call("big", {"size": 40_000}, seconds=10)).text) == 40_000
        begun = time.monotonic()
        await failure(session.call("big", {"size": 5_000_000}, seconds=10), FlowbuilderError)
        assert time.monotonic() - begun < 8


async def test_a_server_that_dies_in_a_call_is_no_transient_failure_and_ends_the_session() -> None:
    async with opened(SMALL) as session:
        await session.tools()
        problem = await failure(session.call("die", {}, seconds=10))
        assert (problem.code, problem.definitive, isinstance(problem, TransientError)) == ("mcp_ended", False, False)
        assert "exited with code 3 during the call" in str(problem)
        problem = await failure(session.call("shout", {"text": "x"}, seconds=3), TransientError)
        assert (problem.reason, problem.definitive) == ("connection", True)


async def test_a_program_gets_no_secrets_and_ends_with_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    before = set(psutil.Process().children(recursive=True))
    async with opened(SMALL, environment={"ITS_OWN": "1"}) as session:
        seen = (await session.call("surroundings", {}, seconds=10)).structured["names"]
        started = set(psutil.Process().children(recursive=True)) - before
    assert "OPENAI_API_KEY" not in seen
    assert "ITS_OWN" in seen
    assert started
    _, alive = psutil.wait_procs(list(started), timeout=10)
    assert not alive


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"command": ["/nowhere/at-all"]}, ""),
        ({}, "a command (a list) or a url, and not both"),
        ({"command": "npx -y x"}, "as a list"),
        ({"command": ["x"], "url": "http://x"}, "a command (a list) or a url, and not both"),
        ({"command": ["x"], "preset": "nope"}, "there is no preset 'nope'"),
        ({"comand": ["x"]}, "no field 'comand'"),
    ],
)
async def test_an_invalid_record_is_a_configuration_error(connection: dict[str, Any], said: str) -> None:
    problem = await failure(opened(connection).__aenter__(), FlowbuilderError)
    assert said in str(problem)


@pytest.mark.parametrize(("status", "body"), [(401, "no"), (500, "oops"), (200, "<h1>Welcome</h1>")])
async def test_a_program_that_is_not_an_mcp_server_is_reported(httpserver: HTTPServer, status: int, body: str) -> None:
    httpserver.expect_request("/mcp").respond_with_data(body, status=status, content_type="text/html")
    problem = await failure(
        opened({"url": httpserver.url_for("/mcp"), "connect_seconds": 3}).__aenter__(), FlowbuilderError
    )
    assert "MCP server s" in str(problem)


async def test_an_unreachable_server_is_a_transient_failure() -> None:
    problem = await failure(
        opened({"url": "http://127.0.0.1:9/mcp", "connect_seconds": 3}).__aenter__(), TransientError
    )
    assert problem.reason == "connection"


async def test_a_server_that_never_answers_times_out() -> None:
    begun = time.monotonic()
    silent = {"command": [sys.executable, "-c", "import time; time.sleep(60)"], "connect_seconds": 1.0}
    problem = await failure(opened(silent).__aenter__(), TransientError)
    assert problem.reason == "timeout"
    assert time.monotonic() - begun < 12


async def test_privileged_tools_need_permission_in_the_record() -> None:
    from flowbuilder.adapters.mcp.server_record import server_record

    record = server_record("t", {"url": "http://x", "preset": "tidewave"})
    assert record.allows("get_logs")
    assert not record.allows("project_eval")
    assert server_record("t", {"url": "http://x", "preset": "tidewave", "privileged": True}).allows("project_eval")
    assert "hunter2" not in repr(server_record("t", {"url": "http://x", "token": "hunter2"}))


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:
    yield
    left = [task for task in asyncio.all_tasks() if task.get_name().startswith("mcp ")]
    assert not left
