"""An answer that arrives too slowly is ended: of any server, of an MCP server and of a model provider."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from flowbuilder.adapters import pace
from flowbuilder.adapters.bounded_answers import Unacceptable, bounded_answers
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http import GuardedHttp
from flowbuilder.adapters.pace import GRACE_SECONDS, MIN_BYTES_PER_SECOND, Pace, TooSlow
from flowbuilder.errors import TransientError
from flowbuilder.ports import HttpRequest


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def arrives(chunks: list[bytes], seconds: float, *, events: bool = False) -> bool:
    """Whether an answer of these chunks, one in so many seconds, is accepted."""
    clock = Clock()
    judge = Pace(events=events, clock=clock)
    try:
        for chunk in chunks:
            judge.add(chunk)
            clock.now += seconds
    except TooSlow:
        return False
    return True


@pytest.mark.parametrize(
    ("chunks", "seconds", "events", "accepted"),
    [
        ([b"x"] * 30, 1.0, False, False),
        ([b"x"] * 15, 1.0, False, True),
        ([b"x" * 2000] * 100, 10.0, False, True),
        ([b"x" * 200] * 100, 10.0, False, False),
        ([b" \n"] * 600 + [b"{}"], 1.0, False, True),
        ([b": ping\n\n"] * 600, 15.0, True, True),
        ([b"data: {}\n\n"] * 600, 60.0, True, True),
        ([b"data: {}\r\n", b"\r\n"] * 60, 9.0, True, True),
        ([b"data: {}\r\n"] * 60, 9.0, True, False),
        ([b"data: "] + [b"x"] * 40, 1.0, True, False),
        ([b"data: {}\n\ndata: "] + [b"x"] * 40, 1.0, True, False),
        ([b"data: " + b"x" * 2000, b"y" * 2000, b"\n\n"], 15.0, True, True),
    ],
)
def test_the_least_speed_of_a_body_or_an_event(
    chunks: list[bytes], seconds: float, events: bool, accepted: bool
) -> None:
    assert arrives(chunks, seconds, events=events) is accepted


def test_an_ordinary_slow_server_is_faster_than_the_limit() -> None:
    assert MIN_BYTES_PER_SECOND <= 100
    assert GRACE_SECONDS >= 20


@pytest.fixture
def dripping(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> str:
    def drip() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x"
            time.sleep(0.05)

    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.3)
    httpserver.expect_request("/").respond_with_handler(lambda _: Response(drip(), content_type="text/event-stream"))
    return httpserver.url_for("/")


async def test_a_web_server_that_drips_is_left(dripping: str) -> None:
    begin = time.monotonic()
    with pytest.raises(TransientError, match="bytes a second") as caught:
        await GuardedHttp(Egress(("127.0.0.1", "localhost"))).send(HttpRequest(method="GET", url=dripping))
    assert caught.value.reason == "timeout"
    assert time.monotonic() - begin < 8


async def test_an_mcp_server_or_a_model_that_drips_is_left(dripping: str) -> None:
    begin = time.monotonic()
    async with httpx2.AsyncClient(event_hooks=bounded_answers(1000)) as client:
        with pytest.raises(Unacceptable, match="bytes a second"):
            await client.get(dripping)
    assert time.monotonic() - begin < 8


async def test_an_answer_is_bounded_in_size_whether_or_not_it_is_compressed(httpserver: HTTPServer) -> None:
    bomb = gzip.compress(bytes(1_000_000))
    httpserver.expect_request("/bomb").respond_with_data(bomb, headers={"content-encoding": "gzip"})
    httpserver.expect_request("/large").respond_with_data(b"x" * 5000)
    httpserver.expect_request("/small").respond_with_data(b"x" * 500)
    async with httpx2.AsyncClient(event_hooks=bounded_answers(1000)) as client:
        with pytest.raises(Unacceptable, match="compressed"):
            await client.get(httpserver.url_for("/bomb"))
        with pytest.raises(Unacceptable, match="too large"):
            await client.get(httpserver.url_for("/large"))
        assert (await client.get(httpserver.url_for("/small"))).content == b"x" * 500
