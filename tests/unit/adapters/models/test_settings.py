"""Settings of a step and of its connection on the wire, and objects of models that call no tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import ModelRequest, ensure_provider
from flowbuilder.testing.model_servers import WIRES, ModelServer, Sent, Wire
from flowbuilder.testing.model_servers.replies import answers, fails, says

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
NO_TOOLS = (
    "registry.example/llama2 does not support tools",
    "No endpoints found that support tool use",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "Tool calling is not supported for this model",
)


@pytest.fixture(params=WIRES)
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(request.param) as running:
        yield running


async def ask(server: ModelServer, connection: dict[str, Any] | None = None, **more: Any) -> Any:
    given = {"model": server.wire.model, "prompt": "Write it.", "system": "Be brief.", "timeout": 20.0, **more}
    return await NamedModels().complete(ModelRequest(connection={**server.connection, **(connection or {})}, **given))


async def test_sampling_and_stops_are_sent(server: ModelServer) -> None:
    await ask(server, top_p=0.75, stop=("END", "###"), seed=4711)
    sent = json.dumps(server.asked[0])
    assert "0.75" in sent
    assert '["END", "###"]' in sent
    assert ("4711" in sent) == (server.wire.name != "anthropic")


@pytest.mark.parametrize(
    ("wire", "model", "sent"),
    [
        ("openai", "openai:o4-mini", '"reasoning_effort": "low"'),
        ("anthropic", "anthropic:claude-sonnet-4-6", '"thinking"'),
        ("google", "google:gemini-2.5-flash", '"thinkingConfig"'),
    ],
)
async def test_reasoning_is_sent_in_the_word_of_the_provider(wire: str, model: str, sent: str) -> None:
    with ModelServer(wire) as server:
        await ask(server, model=model, reasoning="low")
        assert sent in json.dumps(server.asked[0])


async def test_a_prompt_is_marked_for_the_cache_and_what_was_cached_is_counted() -> None:
    def cached(wire: Wire, asked: dict[str, Any]) -> Sent:
        answer = wire.message(asked, text="Here.", arguments=None, stop="end")
        answer["usage"] = {**answer["usage"], "cache_read_input_tokens": 900, "cache_creation_input_tokens": 50}
        return Sent(json.dumps(answer))

    with ModelServer("anthropic") as server:
        await ask(server)
        assert "cache_control" not in json.dumps(server.asked[0])
        await ask(server, cache=True, max_tokens=100)
        assert "cache_control" in json.dumps(server.asked[1])
        if not server.asked[1].get("stream"):
            server.will(cached)
            usage = (await ask(server, cache="1h", max_tokens=100)).usage
            assert (usage["cache_read_tokens"], usage["cache_write_tokens"]) == (900, 50)
            assert '"ttl": "1h"' in json.dumps(server.asked[2])
            assert usage["usd"] > 0


async def test_headers_and_body_of_the_connection_are_sent(server: ModelServer) -> None:
    if server.wire.name == "google":
        with pytest.raises(ConfigurationError, match="cannot be sent to Google"):
            await ask(server, connection={"body": {"a": 1}})
        assert server.asked == []
    body = {} if server.wire.name == "google" else {"body": {"provider": {"order": ["x"]}}}
    await ask(server, connection={"headers": {"X-Team": "tea"}, **body})
    assert server.headers[0]["x-team"] == "tea"
    assert server.asked[0].get("provider") == body.get("body", {}).get("provider")


@pytest.mark.parametrize("wrong", [{"headers": ["x"]}, {"headers": {"x": 1}}, {"body": "x"}])
async def test_headers_and_bodies_that_cannot_be_sent_are_named(server: ModelServer, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="connection"):
        await ask(server, connection=wrong)
    assert server.asked == []


def test_headers_are_credentials_and_go_to_one_provider() -> None:
    with pytest.raises(StepError, match="belongs to openai"):
        ensure_provider("c", {"headers": {"Authorization": "x"}}, "anthropic:m", written="openai")


@pytest.mark.parametrize("message", NO_TOOLS)
@pytest.mark.parametrize("status", [400, 404])
async def test_a_model_that_calls_no_tools_is_asked_in_words(server: ModelServer, message: str, status: int) -> None:
    def reply(wire: Wire, asked: dict[str, Any]) -> Sent:
        if asked.get("tools"):
            return fails(status, message)(wire, asked)
        return says('Here it is:\n```json\n{"n": 3}\n```')(wire, asked)

    server.will(reply)
    assert (await ask(server, output_schema=SCHEMA)).output == {"n": 3}
    assert len(server.asked) == 2
    with pytest.raises(StepError):
        await ask(server, output_schema=SCHEMA, output_mode="tool")


async def test_an_object_may_be_asked_for_in_the_providers_own_way(server: ModelServer) -> None:
    server.will(says('{"n": 3}'))
    assert (await ask(server, output_schema=SCHEMA, output_mode="native")).output == {"n": 3}
    sent = json.dumps(server.asked[0])
    assert "tools" not in server.asked[0]
    assert any(word in sent for word in ("json_schema", "responseSchema", "responseJsonSchema"))


async def test_an_object_in_words_is_repaired_as_any_other(server: ModelServer) -> None:
    server.will(says('{"n": "three"}'), says('{"n": 3}'))
    answer = await ask(server, output_schema=SCHEMA, output_mode="prompted")
    assert (answer.output, answer.usage["requests"]) == ({"n": 3}, 2)
    assert "tools" not in server.asked[0]


async def test_a_call_is_the_default(server: ModelServer) -> None:
    server.will(answers({"n": 3}))
    assert (await ask(server, output_schema=SCHEMA)).output == {"n": 3}
    assert "tools" in server.asked[0]


async def test_an_example_conversation_comes_before_the_prompt(server: ModelServer) -> None:
    server.will(says("Short."))
    answer = await ask(server, messages=(("user", "Shorten: long."), ("assistant", "Short.")))
    assert answer.output == {"text": "Short."}  # also where it says what the example says
    texts = server.wire.texts(server.asked[0])
    assert (
        texts.index("Shorten: long.")
        < texts.index("Short.", texts.index("Shorten: long.") + 8)
        < texts.index("Write it.")
    )
