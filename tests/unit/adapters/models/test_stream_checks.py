"""Streams of events that are damaged: nothing of an answer is lost without a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import ConfigurationError, TransientError
from flowbuilder.ports import ModelRequest
from flowbuilder.testing.model_servers import ModelServer, Reply, Sent
from flowbuilder.testing.model_servers.replies import empty, fails, says


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer("anthropic") as running:
        yield running


def question(server: ModelServer) -> ModelRequest:
    return ModelRequest(model=server.wire.model, prompt="Write it.", connection=server.connection, timeout=20.0)


def streamed(text: str, changed: str, *, parts: int = 1, end: str = "\n") -> Reply:
    """A text whose piece is replaced; `{}` in what replaces it stands for the piece."""

    def reply(wire: Any, asked: Any) -> Any:
        events = wire.say(asked, text).body.split("\n\n")
        place = next(number for number, event in enumerate(events) if "text_delta" in event)
        events[place] = changed.replace("{}", events[place])
        body = "\n\n".join(events).replace("\n", end).encode()
        size = len(body) // parts + 1
        return replace(wire.say(asked, text), body=[body[n : n + size] for n in range(0, len(body), size)])

    return reply


@pytest.mark.parametrize(
    "changed",
    [
        'event: content_block_delta\ndata: {"type": "content_block_del',
        "event: content_block_delta\ndata: null",
        "event: content_block_delta\ndata: []",
        "event: content_block_delta\ndata: 7",
        'event: content_block_delta\ndata: {"index": 0}',
        'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0}',
        'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"text": "x"}}',
        'event: content_block_delta\ndata: {"type": "error", "error": {"message": "Overloaded"}}',
        'data: {"broken',
    ],
)
async def test_a_piece_that_is_damaged_fails_and_may_be_asked_for_again(server: ModelServer, changed: str) -> None:
    server.will(streamed("Half of the text", changed), says("All of the text"))
    with pytest.raises(TransientError) as caught:
        await NamedModels().complete(question(server))
    assert caught.value.code == "server_error"
    assert server.wire.model in str(caught.value)
    assert (await NamedModels().complete(question(server))).output == {"text": "All of the text"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("parts", [1, 7, 500])
@pytest.mark.parametrize(
    "changed", ["{}", ": a comment\n\n{}", '{}\n\nevent: ping\ndata: {"type": "ping"}', "{}\n\ndata: [DONE]"]
)
async def test_what_servers_add_to_a_stream_does_no_harm(
    server: ModelServer, changed: str, parts: int, end: str
) -> None:
    server.will(streamed("Tea is h\u00f6t.", changed, parts=parts, end=end))
    assert (await NamedModels().complete(question(server))).output == {"text": "Tea is h\u00f6t."}


async def test_an_error_in_the_stream_keeps_its_name(server: ModelServer) -> None:
    error = 'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    server.will(streamed("Half", error))
    with pytest.raises(TransientError) as caught:
        await NamedModels().complete(question(server))
    assert caught.value.code == "rate_limit"


@pytest.mark.parametrize("wire", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("status", [409, 425])
async def test_a_lock_passes(wire: str, status: int) -> None:
    with ModelServer(wire) as server:
        server.will(fails(status, "Conflict"))
        with pytest.raises(TransientError):
            await NamedModels().complete(question(server))


@pytest.mark.parametrize("wire", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("body", ['{"detail": "Not Found"}', "404 page not found", "", '{"status": 404}'])
async def test_an_address_without_a_model_is_named(wire: str, body: str) -> None:
    with ModelServer(wire) as server:
        server.will(lambda wire, asked: Sent(body, status=404))
        with pytest.raises(ConfigurationError, match="check base_url"):
            await NamedModels().complete(question(server))


@pytest.mark.parametrize("wire", ["openai", "anthropic", "google"])
async def test_a_complaint_is_shown_without_marks(wire: str) -> None:
    with ModelServer(wire) as server:
        server.will(empty())
        with pytest.raises(Exception, match="repair it: Please return text") as caught:
            await NamedModels().complete(question(server))
        assert "<" not in str(caught.value)
