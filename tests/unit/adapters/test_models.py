"""Language models over their real wire formats, against a local server; the provider's SDKs are the real ones."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters import bounded_answers, pace
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, Throttled, TransientError
from flowbuilder.ports import ModelRequest, ensure_provider
from flowbuilder.testing import FakeClock, FakeConnections, FakeThrottle, MemoryJournal
from flowbuilder.testing.model_servers import WIRES, ModelServer, Sent, Wire
from flowbuilder.testing.model_servers.replies import answers, fails, hangs, raw, says
from flowbuilder.values import ensure_json

SCHEMA = {
    "type": "object",
    "properties": {"body": {"type": "string"}, "score": {"type": "integer", "minimum": 0, "maximum": 10}},
    "required": ["body", "score"],
    "additionalProperties": False,
}
GOOD = {"body": "fresh", "score": 7}
BAD = {"body": "fresh", "score": "seven"}
OTHERS = ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "OLLAMA")


@pytest.fixture(params=WIRES)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name in OTHERS:
        for end in ("_API_KEY", "_BASE_URL"):
            monkeypatch.delenv(name + end, raising=False)
    with ModelServer(request.param) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def question(server: ModelServer, **more: Any) -> ModelRequest:
    given = {"prompt": "Rewrite it.", "system": "Be brief.", "output_schema": SCHEMA, "timeout": 10.0, **more}
    return ModelRequest(model=server.wire.model, **given)


async def failure(request: ModelRequest, kind: type[FlowbuilderError] = StepError) -> Any:
    with pytest.raises(kind) as caught:
        await NamedModels().complete(request)
    return caught.value


async def test_an_object_that_fits_the_schema_is_the_answer(server: ModelServer) -> None:
    server.will(answers(GOOD))
    answer = await NamedModels().complete(question(server))
    assert answer.output == GOOD
    assert (answer.usage["requests"], answer.usage["input_tokens"], answer.usage["output_tokens"]) == (1, 120, 30)
    assert "Rewrite it." in server.wire.texts(server.asked[0])
    assert "Be brief." in json.dumps(server.asked[0])
    assert bool(server.asked[0].get("stream")) == server.wire.streams


async def test_without_a_schema_the_answer_is_a_text(server: ModelServer) -> None:
    server.will(says("Some words."))
    answer = await NamedModels().complete(question(server, output_schema=None))
    assert answer.output == {"text": "Some words."}
    assert "tools" not in server.asked[0]


async def test_an_invalid_answer_is_sent_back_with_its_errors_and_repaired(server: ModelServer) -> None:
    server.will(answers(BAD), answers(GOOD))
    answer = await NamedModels().complete(question(server))
    assert answer.output == GOOD
    assert (answer.usage["requests"], answer.usage["input_tokens"]) == (2, 240)
    assert "/score" in server.wire.texts(server.asked[1])


async def test_an_interrupted_conversation_resumes_after_the_last_stored_answer(server: ModelServer) -> None:
    server.will(
        answers(BAD),
        fails(500),
        answers(GOOD),
    )
    journal = MemoryJournal()
    await failure(question(server, journal=journal), TransientError)
    for _ in range(2):
        answer = await NamedModels().complete(question(server, journal=journal.again()))
        assert answer.output == GOOD
        assert (answer.usage["requests"], answer.usage["input_tokens"]) == (2, 240)
    assert len(server.asked) == 3
    assert "/score" in server.wire.texts(server.asked[2])


async def test_an_answer_that_stays_invalid_fails_the_step_after_two_repairs(server: ModelServer) -> None:
    server.will(*[answers({**BAD, "body": body}) for body in ("one", "two", "three")])
    problem = await failure(question(server))
    assert (type(problem), problem.code, len(server.asked)) == (StepError, "invalid_answer", 3)
    assert "/score" in str(problem)


async def test_an_answer_that_a_complaint_does_not_change_is_not_asked_for_again(server: ModelServer) -> None:
    server.will(answers(BAD))
    problem = await failure(question(server))
    assert (type(problem), problem.code, len(server.asked)) == (StepError, "invalid_answer", 2)
    assert "/score" in str(problem)
    assert problem.usage["requests"] == 2


async def test_an_answer_in_words_where_an_object_was_asked_for_is_sent_back(server: ModelServer) -> None:
    server.will(
        says("Sure! Here you are."),
        answers(GOOD),
    )
    answer = await NamedModels().complete(question(server))
    assert answer.output == GOOD


async def test_too_many_requests_is_a_transient_failure_with_retry_after(server: ModelServer) -> None:
    server.will(fails(429, retry_after="17"))
    problem = await failure(question(server), TransientError)
    assert (problem.reason, problem.retry_after, len(server.asked)) == ("rate_limit", 17.0, 1)


async def test_after_too_many_requests_the_provider_is_not_called_before_retry_after(server: ModelServer) -> None:
    clock = FakeClock()
    models = NamedModels(FakeThrottle(clock=clock))
    server.will(fails(429, retry_after="17"))
    for refused in range(3):
        with pytest.raises(Throttled) as caught:
            await models.complete(question(server))
        assert caught.value.connection == question(server).model.partition(":")[0]
        assert caught.value.retry_after >= 17
        assert len(server.asked) == 1, refused
    clock.advance(17)
    server.will(answers(GOOD))
    assert (await models.complete(question(server))).output == GOOD


async def test_the_limits_of_a_named_connection_replace_those_of_its_provider(server: ModelServer) -> None:
    connections = FakeConnections({"ours": {"limits": {"rate": "1/hour"}}})
    models = NamedModels(FakeThrottle(connections=connections))
    server.will(answers(GOOD))
    asked = replace(question(server), connection_name="ours")
    assert (await models.complete(asked)).output == GOOD
    with pytest.raises(Throttled, match="the rate limit of ours is reached"):
        await models.complete(asked)
    assert (await models.complete(question(server))).output == GOOD


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_a_transient_failure_without_hidden_retries(server: ModelServer, status: int) -> None:
    server.will(fails(status))
    problem = await failure(question(server), TransientError)
    assert (problem.reason, len(server.asked)) == ("server_error", 1)


async def test_a_refused_key_is_a_configuration_error(server: ModelServer) -> None:
    server.will(fails(401))
    problem = await failure(question(server), ConfigurationError)
    assert "check the API key" in str(problem)


async def test_a_bad_request_is_a_permanent_error(server: ModelServer) -> None:
    server.will(fails(400))
    problem = await failure(question(server))
    assert not isinstance(problem, TransientError)
    assert len(server.asked) == 1


async def test_a_server_that_does_not_answer_times_out(server: ModelServer) -> None:
    server.will(hangs(1.5))
    begun = time.monotonic()
    problem = await failure(question(server, timeout=0.4), TransientError)
    assert problem.reason == "timeout"
    assert time.monotonic() - begun < 1.4


async def test_an_answer_that_arrives_byte_by_byte_is_ended(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(wire: Wire, asked: dict[str, Any]) -> Sent:
        def parts() -> Iterator[bytes]:
            for char in json.dumps(wire.answer(asked, json.dumps(GOOD)).body):
                yield char.encode()
                time.sleep(0.05)

        return Sent(parts())

    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.3)
    server.will(drip)
    begun = time.monotonic()
    await failure(question(server, timeout=30.0), TransientError)
    assert time.monotonic() - begun < 8


async def test_an_answer_without_end_is_ended(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_answers, "MAX_MODEL_ANSWER", 100_000)
    server.will(raw("[" * 1_000_000))
    assert "too large" in str(await failure(question(server)))


async def test_an_answer_that_is_not_json_is_an_error_that_names_the_model(server: ModelServer) -> None:
    server.will(raw('{"choices": ['))
    problem = await failure(question(server))
    assert server.wire.model in str(problem)


@pytest.mark.parametrize(
    "answer", ['{"choices": [1]}', '{"choices": 1}', '{"content": 7}', '{"candidates": [[]]}', "[]"]
)
async def test_an_answer_of_another_form_is_an_error_that_names_the_model(server: ModelServer, answer: str) -> None:
    server.will(raw(answer))
    problem = await failure(question(server))
    assert problem.code in ("invalid_answer", "model")
    assert server.wire.model in str(problem)


# Google sends arguments as an object: they cannot be broken on their own
@pytest.mark.parametrize("server", ["openai", "ollama", "anthropic"], indirect=True)
async def test_tool_arguments_with_invalid_json_are_sent_back(server: ModelServer) -> None:
    server.will(
        answers('{"body": "fre'),
        answers(GOOD),
    )
    answer = await NamedModels().complete(question(server))
    assert answer.output == GOOD


async def test_a_connection_names_address_and_key_instead_of_the_environment(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = server.connection["base_url"]
    for name in server.wire.variables:
        monkeypatch.delenv(name)
    server.will(answers(GOOD))
    answer = await NamedModels().complete(question(server, connection={"base_url": base, "api_key": "sk-mine"}))
    assert answer.output == GOOD
    assert server.keys == ["sk-mine"]


async def test_temperature_and_length_are_passed_on(server: ModelServer) -> None:
    server.will(answers(GOOD))
    await NamedModels().complete(question(server, temperature=0.25, max_tokens=321))
    sent = json.dumps(server.asked[0])
    assert "0.25" in sent
    assert "321" in sent


async def test_an_unreachable_provider_is_a_transient_failure(server: ModelServer) -> None:
    connection = {"base_url": "http://127.0.0.1:9/v1", "api_key": "x"}
    problem = await failure(question(server, connection=connection), TransientError)
    assert problem.reason == "connection"


async def test_the_cost_is_null_where_the_price_is_unknown(server: ModelServer) -> None:
    server.will(answers(GOOD))
    answer = await NamedModels().complete(question(server))
    if server.wire.model.startswith("ollama"):
        assert answer.usage["usd"] is None
    else:
        assert 0 < answer.usage["usd"] < 0.01


@pytest.mark.parametrize("server", ["openai", "anthropic", "google"], indirect=True)
async def test_a_budget_limits_the_repairs(server: ModelServer) -> None:
    server.will(answers(BAD))
    problem = await failure(question(server, max_usd=0.000001))
    assert (problem.code, len(server.asked)) == ("budget", 1)


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHERS:
        for end in ("_API_KEY", "_BASE_URL"):
            monkeypatch.delenv(name + end, raising=False)


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai:gpt-5.1", "OPENAI_API_KEY"), ("anthropic:x", "ANTHROPIC_API_KEY"), ("google:x", "GOOGLE_API_KEY")],
)
async def test_a_missing_key_is_named(no_keys: None, model: str, variable: str) -> None:
    problem = await failure(ModelRequest(model=model, prompt="x"), ConfigurationError)
    assert variable in str(problem)


@pytest.mark.parametrize("model", ["gpt-5.1", "mistral:large", ":x", "openai:"])
async def test_a_model_name_without_a_provider_is_refused(no_keys: None, model: str) -> None:
    problem = await failure(ModelRequest(model=model, prompt="x"))
    assert problem.code == "unknown_model"


async def test_any_compatible_server_can_be_named_by_a_connection(no_keys: None) -> None:
    with ModelServer("openai") as server:
        server.will(answers(GOOD))
        connection = {"base_url": server.connection["base_url"]}
        request = ModelRequest(model="vllm:local-7b", prompt="x", output_schema=SCHEMA, connection=connection)
        answer = await NamedModels().complete(request)
        assert answer.output == GOOD
        assert server.asked[0]["model"] == "local-7b"


async def test_a_key_is_in_no_error(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in server.wire.variables:
        if name.endswith("KEY"):
            monkeypatch.setenv(name, "sk-hunter2-hunter2")
    for status in (401, 500):
        server.will(fails(status))
        problem = await failure(question(server), FlowbuilderError)
        assert "hunter2" not in f"{problem} {problem!r} {getattr(problem, 'detail', '')}"


async def test_models_of_several_event_loops_do_not_share_a_connection(server: ModelServer) -> None:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    server.will(answers(GOOD))
    models = NamedModels()

    def elsewhere() -> Any:
        return asyncio.run(models.complete(question(server))).output

    with ThreadPoolExecutor(2) as threads:
        found = await asyncio.gather(*[asyncio.wrap_future(threads.submit(elsewhere)) for _ in range(3)])
    assert found == [GOOD] * 3


@pytest.mark.parametrize(
    ("connection", "model", "written", "sent"),
    [
        ({"api_key": "sk-proj-1234567"}, "openai:m", "openai", True),
        ({"api_key": "sk-proj-1234567"}, "anthropic:m", "anthropic", False),
        ({"api_key": "sk-ant-1234567"}, "openai:m", "openai", False),
        ({"api_key": "AIza1234567"}, "google:m", None, True),
        ({"api_key": "AIza1234567"}, "openai:m", None, False),
        ({"api_key": "of-no-known-form"}, "openai:m", "openai", True),
        ({"api_key": "of-no-known-form"}, "anthropic:m", "openai", False),
        ({"api_key": "of-no-known-form"}, "anthropic:m", None, False),
        ({"api_key": "of-no-known-form", "provider": "anthropic"}, "anthropic:m", None, True),
        ({"api_key": "sk-ant-1", "provider": "openai"}, "anthropic:m", "anthropic", False),
        ({"api_key": "x", "base_url": "https://api.openai.com/v1"}, "anthropic:m", "anthropic", False),
        ({"api_key": "sk-x", "base_url": "https://llm.example/v1"}, "deepseek:m", None, True),
        ({"api_key": "sk-x", "base_url": "https://llm.example/v1"}, "anthropic:m", "openai", False),
        ({"limits": {"rate": "6/minute"}}, "anthropic:m", None, True),
        ({"api_key": "sk-proj-1"}, "demo:editor", None, True),
    ],
)
def test_a_key_is_for_one_provider(connection: dict[str, Any], model: str, written: str | None, sent: bool) -> None:
    if sent:
        ensure_provider("c", connection, model, written=written)
        return
    with pytest.raises(StepError, match=r"provider|belongs to") as caught:
        ensure_provider("c", connection, model, written=written)
    assert caught.value.code == "wrong_provider"
    assert connection["api_key"] not in str(caught.value)


async def test_a_model_of_another_provider_is_not_asked_with_the_key(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", httpserver.url_for(""))
    request = ModelRequest(model="anthropic:m", prompt="x", connection={"api_key": "sk-proj-1234567"})
    with pytest.raises(StepError, match="belongs to openai"):
        await NamedModels().complete(request)
    assert httpserver.log == []


async def test_an_integer_beyond_64_bit_is_read_as_its_digits(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"id": {"type": ["integer", "string"]}}, "required": ["id"]}
    server.will(answers({"id": 2**64}))
    for journal in (None, MemoryJournal()):
        answer = await NamedModels().complete(question(server, output_schema=schema, journal=journal))
        assert answer.output == {"id": str(2**64)}
        for stored in journal.answers.values() if journal else ():
            assert ensure_json(stored) == stored


async def test_a_model_is_told_that_an_integer_is_too_long(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    server.will(answers({"id": 2**64}), answers({"id": 7}))
    answer = await NamedModels().complete(question(server, output_schema=schema))
    assert (answer.output, answer.usage["requests"]) == ({"id": 7}, 2)
    assert "beyond 64 bit" in server.wire.texts(server.asked[1])


def sent(body: str, status: int = 200, **headers: str) -> Any:
    """A reply with this body in every wire format."""
    kind = headers.pop("content_type", "application/json")
    return lambda wire, asked: Sent(body, status=status, content_type=kind, headers=headers)


LIES: dict[str, tuple[Any, type[FlowbuilderError], str, str]] = {
    "nothing, with 204": (sent("", 204), TransientError, "server_error", "where JSON was expected: (nothing)"),
    "accepted": (sent("", 202), TransientError, "server_error", "where JSON was expected: (nothing)"),
    "a redirect": (sent("", 302, location="/login"), StepError, "model", "redirects to /login: correct base_url"),
    "a page for 404": (
        sent("<html><title>Nope</title></html>", 404, content_type="text/html"),
        ConfigurationError,
        "",
        "a page of HTML: Nope (there is no model at this address; check base_url)",
    ),
    "no credits, in words": (sent('{"error": "Insufficient credits"}'), StepError, "quota", "Insufficient credits"),
    "a bad key, in words": (
        sent('{"success": false, "message": "Invalid API key"}'),
        ConfigurationError,
        "",
        "API key",
    ),
}


@pytest.mark.parametrize("name", LIES)
async def test_what_is_no_answer_is_said_and_has_its_own_code(server: ModelServer, name: str) -> None:
    reply, kind, code, said = LIES[name]
    server.will(reply)
    problem = await failure(question(server), kind)
    assert (getattr(problem, "code", ""), said in str(problem)) == (code, True), str(problem)
    assert len(server.asked) == 1


async def test_an_error_beside_an_answer_is_an_error(server: ModelServer) -> None:
    def both(wire: Wire, asked: Any) -> Sent:
        answer = wire.message(asked, text="half of", arguments=None, stop="end")
        return Sent(json.dumps({**answer, "error": {"message": "the upstream failed", "code": 502}}))

    server.will(both)
    assert "the upstream failed" in str(await failure(question(server, output_schema=None), TransientError))


async def test_the_letters_of_an_answer_are_read_as_its_header_says(server: ModelServer) -> None:
    def latin(wire: Wire, asked: Any) -> Sent:
        body = wire.say(asked, "caf\u00e9").body
        assert isinstance(body, str)
        text = body.replace("\\u00e9", "\u00e9")
        return Sent(text.encode("iso-8859-1"), content_type="application/json; charset=iso-8859-1")

    if not server.wire.streams:  # an event stream is UTF-8
        server.will(latin)
        assert (await NamedModels().complete(question(server, output_schema=None))).output == {"text": "caf\u00e9"}


async def test_an_answer_that_breaks_off_is_asked_for_again(server: ModelServer) -> None:
    if not server.wire.streams:
        pytest.skip("of an answer that is not streamed, none arrives")

    def half(wire: Wire, asked: Any) -> Sent:
        whole = wire.say(asked, "some words").body
        assert isinstance(whole, str)
        return replace(wire.say(asked, "some words"), body=whole[: whole.index("event: message_delta")])

    server.will(half, says("Some words."))
    journal = MemoryJournal()
    await failure(question(server, output_schema=None, journal=journal), TransientError)
    answer = await NamedModels().complete(question(server, output_schema=None, journal=journal.again()))
    assert answer.output == {"text": "Some words."}
