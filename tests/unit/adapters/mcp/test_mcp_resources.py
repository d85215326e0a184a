"""Resources and prompts of MCP servers, of a real server over stdio and HTTP, and of one that has none."""

from __future__ import annotations

import contextlib
import sys
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports.mcp import McpSession
from flowbuilder.testing import FakeConnections
from tests.support.servers.mcp_over_http import PROGRAM, mcp_over_http

SMALL = {"command": [sys.executable, "-S", str(PROGRAM.with_name("small_mcp_program.py"))]}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The URL of the same server over HTTP."""
    with mcp_over_http() as url:
        yield url


@pytest.fixture(params=["stdio", "http"])
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "http":
        return {"url": request.getfixturevalue("served")}
    return {"command": [sys.executable, str(PROGRAM), "stdio"], "connect_seconds": 60}


def opened(record: dict[str, Any], **more: Any) -> contextlib.AbstractAsyncContextManager[McpSession]:
    return ConnectedServers(FakeConnections({"s": {**record, **more}})).open("s")


async def test_resources_and_prompts_are_read(record: dict[str, Any]) -> None:
    async with opened(record) as session:
        guide = await session.read_resource("docs://guide", seconds=20)
        (block,) = guide.content
        assert block["resource"]["text"] == "# Tea\nKeep it hot."
        (block,) = (await session.read_resource("docs://photo", seconds=20)).content
        assert (block["resource"]["mimeType"], b64decode(block["resource"]["blob"])) == ("image/png", PNG)
        page = await session.read_resource("docs://pages/cups", seconds=20)
        assert page.text_of(page.content[0]).endswith("The page cups.")
        prompt = await session.get_prompt("review", {"topic": "tea", "tone": "kind"}, seconds=20)
        (message,) = prompt.content
        assert (message["role"], message["text"]) == ("user", "Review what is said of tea, in kind words.")
        # what is no text goes as JSON: the protocol has texts only
        prompt = await session.get_prompt("review", {"topic": 7}, seconds=20)
        assert "said of 7" in prompt.content[0]["text"]


async def test_what_is_not_there_is_named_with_what_is(record: dict[str, Any]) -> None:
    async with opened(record) as session:
        with pytest.raises(StepError) as caught:
            await session.read_resource("docs://gide", seconds=20)
        assert caught.value.code == "mcp_unknown_resource"
        assert "known: docs://guide, docs://photo, docs://long, docs://pages/{name}" in str(caught.value)
        with pytest.raises(StepError) as caught:
            await session.get_prompt("reviews", {}, seconds=20)
        assert caught.value.code == "mcp_unknown_prompt"
        assert "known: review)" in str(caught.value)
        with pytest.raises(StepError) as caught:
            await session.get_prompt("review", {}, seconds=20)  # an argument is missing
        assert caught.value.code in ("mcp_refused", "mcp_failed")
        assert "its arguments: topic (required), tone" in str(caught.value)
        # the session is still good
        assert (await session.call("shout", {"text": "tea"}, seconds=20)).text == "TEA"


async def test_a_server_that_has_none_says_so() -> None:
    async with opened(SMALL) as session:
        for work, kind in (
            (session.read_resource("docs://guide", seconds=20), "resource"),
            (session.get_prompt("review", {}, seconds=20), "prompt"),
        ):
            with pytest.raises(StepError) as caught:
                await work
            assert (caught.value.code, "known: none" in str(caught.value)) == (f"mcp_unknown_{kind}", True)


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({}, True),
        ({"tools": ["shout"]}, False),  # what an administrator limits stays limited
        ({"tools": ["shout"], "resources": ["docs://guide"], "prompts": ["review"]}, True),
        ({"tools": ["shout"], "resources": ["docs://*"], "prompts": ["*"]}, True),
        ({"resources": ["docs://guid", "docs://guide/*"], "prompts": []}, False),
        ({"resources": [], "prompts": ["reviews"]}, False),
    ],
)
async def test_a_connection_says_what_may_be_read(served: str, limits: dict[str, Any], allowed: bool) -> None:
    async with opened({"url": served}, **limits) as session:
        for read, code in (
            (lambda: session.read_resource("docs://guide", seconds=20), "mcp_unknown_resource"),
            (lambda: session.get_prompt("review", {"topic": "tea"}, seconds=20), "mcp_unknown_prompt"),
        ):
            if allowed:
                assert (await read()).content
                continue
            with pytest.raises(StepError, match="list it under") as caught:
                await read()
            assert caught.value.code == code


@pytest.mark.parametrize("field", ["resources", "prompts"])
async def test_an_allow_list_that_is_a_text_is_an_error(served: str, field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        async with opened({"url": served}, **{field: "docs://guide"}):
            pass


async def test_a_long_resource_is_too_large(served: str) -> None:
    async with opened({"url": served}, max_bytes=50_000) as session:
        with pytest.raises(StepError) as caught:
            await session.read_resource("docs://long", seconds=20)
        assert caught.value.code == "too_large"
