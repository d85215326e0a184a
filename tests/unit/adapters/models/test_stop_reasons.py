"""Answers that are none: cut off, filtered, refused, empty, errors inside a 200, of every wire format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.ports import ModelRequest
from flowbuilder.testing import MemoryJournal
from flowbuilder.testing.model_servers import WIRES, ModelServer, Reply, Sent
from flowbuilder.testing.model_servers.replies import (
    answers,
    cut_off,
    empty,
    ends_with,
    error_in_200,
    fails,
    filtered,
    html,
    no_choices,
    raw,
    refuses,
    resets,
    says,
    without_identifiers,
    without_reason,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture(params=WIRES)
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(request.param) as running:
        yield running


def question(server: ModelServer, **more: Any) -> ModelRequest:
    given = {"model": server.wire.model, "prompt": "Write it.", "system": "Be brief.", "timeout": 20.0, **more}
    return ModelRequest(connection={**server.connection, **given.pop("connection", {})}, **given)


async def failure(server: ModelServer, *replies: Reply, **more: Any) -> Any:
    server.will(*replies)
    with pytest.raises(FlowbuilderError) as caught:
        await NamedModels().complete(question(server, **more))
    return caught.value


@pytest.mark.parametrize("schema", [None, SCHEMA])
@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        (cut_off("This article stops in the mid"), ("answer_cut_off",)),
        (cut_off(""), ("answer_cut_off",)),
        (filtered("Part of the text"), ("content_filter", "refusal")),
        (filtered(), ("content_filter", "refusal")),
        (refuses(), ("content_filter", "refusal")),
        (fails(400, "The response was filtered", code="content_filter"), ("content_filter",)),
    ],
)
async def test_an_answer_that_the_model_did_not_end_is_a_failure_with_a_name(
    server: ModelServer, reply: Reply, codes: tuple[str, ...], schema: Any
) -> None:
    problem = await failure(server, reply, output_schema=schema)
    assert type(problem) is StepError
    assert problem.code in codes
    assert len(server.asked) == 1
    assert server.wire.model in str(problem)


async def test_an_object_that_was_cut_off_is_a_failure(server: ModelServer) -> None:
    broken = '{"n": 1' if server.wire.name != "google" else '{"n": 1}'
    server.will(lambda wire, asked: wire.send(asked, wire.message(asked, text=None, arguments=broken, stop="length")))
    with pytest.raises(StepError) as caught:
        await NamedModels().complete(question(server, output_schema=SCHEMA))
    assert (caught.value.code, len(server.asked)) == ("answer_cut_off", 1)


async def test_the_rest_of_a_text_is_asked_for(server: ModelServer) -> None:
    server.will(cut_off("Once upon "), cut_off("a time "), says("there was tea."))
    journal = MemoryJournal()
    asked = question(server, on_cut_off="continue", journal=journal)
    answer = await NamedModels().complete(asked)
    assert answer.output == {"text": "Once upon a time there was tea."}
    assert (answer.usage["requests"], answer.usage["output_tokens"]) == (3, 90)
    assert "Once upon a time " in server.wire.texts(server.asked[2])
    assert all("Be brief." in str(request) for request in server.asked)
    again = question(server, on_cut_off="continue", journal=journal.again())
    assert (await NamedModels().complete(again)).output == answer.output
    assert len(server.asked) == 3


async def test_a_text_whose_rest_is_never_written_is_a_failure(server: ModelServer) -> None:
    problem = await failure(server, cut_off("Once "), empty(), on_cut_off="continue")
    assert (problem.code, len(server.asked)) == ("answer_cut_off", 2)
    server.asked.clear()
    problem = await failure(server, cut_off("Once "), on_cut_off="continue")
    assert (problem.code, len(server.asked)) == ("answer_cut_off", 20)


async def test_the_output_tokens_of_all_answers_together_are_bounded(server: ModelServer) -> None:
    problem = await failure(server, cut_off("Once "), on_cut_off="continue", max_output_tokens=50)
    assert (problem.code, len(server.asked)) == ("budget", 2)
    assert [server.wire.limit(asked) for asked in server.asked] == [50, 20]


@pytest.mark.parametrize("schema", [None, SCHEMA])
async def test_an_empty_answer_is_asked_for_once_more_and_named(server: ModelServer, schema: Any) -> None:
    problem = await failure(server, empty(), output_schema=schema)
    assert (problem.code, len(server.asked)) == ("empty_answer", 2)
    server.will(empty(), answers({"n": 1}) if schema else says("Here."))
    answer = await NamedModels().complete(question(server, output_schema=schema))
    assert answer.output == ({"n": 1} if schema else {"text": "Here."})


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error_in_200(429, "Rate limit exceeded"), "rate_limit"),
        (error_in_200(500, "boom"), "server_error"),
        (error_in_200(529, "Overloaded"), "rate_limit"),
        (raw('{"error": "model is loading, try again"}'), "server_error"),
        (raw('{"error_code": 18, "error_msg": "Open api qps request limit reached"}'), "rate_limit"),
        (html(), "server_error"),
        (html(502), "server_error"),
        (raw(""), "server_error"),
        (raw("no healthy upstream", "text/plain"), "server_error"),
        (no_choices(), "server_error"),
        (resets(), "connection"),
    ],
)
async def test_what_passes_is_transient(server: ModelServer, reply: Reply, code: str) -> None:
    problem = await failure(server, reply)
    assert isinstance(problem, TransientError)
    assert problem.code == code or (server.wire.streams and code == "server_error" and problem.code == "connection")
    assert len(server.asked) == 1
    assert server.wire.model in str(problem)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_an_answer_that_is_too_deep_to_be_read_is_named(server: ModelServer, status: int) -> None:
    problem = await failure(server, lambda wire, asked: Sent("[" * 3000 + "]" * 3000, status=status))
    assert isinstance(problem, StepError)
    assert problem.code in ("server_error", "invalid_answer", "connection", "model", "unknown_model")


@pytest.mark.parametrize(
    ("status", "code"), [(401, "configurationerror"), (404, "unknown_model"), (400, "model"), (402, "quota")]
)
async def test_an_error_inside_a_200_is_that_error(server: ModelServer, status: int, code: str) -> None:
    error = {"message": "not with this account", "code": status}
    problem = await failure(server, raw(json.dumps({"error": error})))
    assert not isinstance(problem, TransientError)
    assert getattr(problem, "code", type(problem).__name__.lower()) == code
    assert "not with this account" in str(problem)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (fails(410, "gone"), "unknown_model"),
        (fails(404, "The model `x` has been deprecated"), "unknown_model"),
        (fails(400, "The model x has been decommissioned and is no longer supported"), "unknown_model"),
        (fails(400, "Invalid model name passed in model=nope. Call `/v1/models` to view models"), "unknown_model"),
        (fails(400, "Invalid model: nope"), "unknown_model"),
        (fails(400, "nope/x is not a valid model ID"), "unknown_model"),
        (fails(413, "too much"), "prompt_too_long"),
        (fails(400, "the request exceeds the available context size, try increasing it"), "prompt_too_long"),
        (fails(400, "Your credit balance is too low to access the API"), "quota"),
        (fails(400, "`temperature` is deprecated for this model"), "model"),
    ],
)
async def test_what_providers_say_in_words_has_a_code(server: ModelServer, reply: Reply, code: str) -> None:
    problem = await failure(server, reply)
    assert (problem.code, isinstance(problem, TransientError)) == (code, False)


@pytest.mark.parametrize("server", ["openai", "ollama", "google"], indirect=True)
async def test_identifiers_that_are_null_do_not_matter(server: ModelServer) -> None:
    server.will(without_identifiers("Here."))
    assert (await NamedModels().complete(question(server))).output == {"text": "Here."}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"choices": [{"message": {"role": "assistant", "content": "minimal"}, "finish_reason": "stop"}]}', "minimal"),
        ('{"choices": [{"message": {"content": "half \\ud83d"}, "finish_reason": "eos"}]}', "half \ufffd"),
        (
            '\ufeff{"choices": [{"message": {"content": "mark"}, "finish_reason": "stop"}], '
            '"usage": {"total_tokens": null}}',
            "mark",
        ),
    ],
)
async def test_what_servers_leave_out_of_a_completion_is_filled_in(server: ModelServer, body: str, text: str) -> None:
    server.will(raw(body))
    assert (await NamedModels().complete(question(server))).output == {"text": text}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
async def test_a_call_without_an_identifier_and_with_an_object_is_read(server: ModelServer) -> None:
    def call(wire: Any, asked: Any) -> Any:
        answer = wire.message(asked, text=None, arguments="{}", stop="call")
        answer["choices"][0]["message"]["tool_calls"][0] |= {
            "id": None,
            "function": {"name": asked["tools"][0]["function"]["name"], "arguments": {"n": 4}},
        }
        return wire.send(asked, answer)

    server.will(call)
    assert (await NamedModels().complete(question(server, output_schema=SCHEMA))).output == {"n": 4}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
@pytest.mark.parametrize("reason", ["max_tokens", "model_length", "MAX_TOKENS"])
async def test_other_words_for_a_cut_are_known(server: ModelServer, reason: str) -> None:
    choice = {"message": {"content": "half"}, "finish_reason": reason}
    problem = await failure(server, raw(json.dumps({"choices": [choice]})))
    assert problem.code == "answer_cut_off"


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
async def test_a_stream_that_was_not_requested_is_named(server: ModelServer) -> None:
    problem = await failure(server, raw("data: {}\n\n", "text/event-stream"))
    assert (problem.code, "stream" in str(problem)) == ("invalid_answer", True)


async def test_every_server_obeys_the_limit_of_an_answer(server: ModelServer) -> None:
    problem = await failure(server, says("one two three four five six"), max_tokens=3)
    assert (problem.code, len(server.asked)) == ("answer_cut_off", 1)


@pytest.mark.parametrize("server", ["openai"], indirect=True)
async def test_a_server_that_asks_for_the_other_word_gets_it(server: ModelServer) -> None:
    def strict(wire: Any, asked: Any) -> Any:
        if "max_tokens" in asked:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. "
            return fails(400, message + "Use 'max_completion_tokens' instead.", code="unsupported_parameter")(
                wire, asked
            )
        return wire.say(asked, f"limit {asked['max_completion_tokens']}")

    server.will(strict)
    assert (await NamedModels().complete(question(server, max_tokens=9))).output == {"text": "limit 9"}
    assert len(server.asked) == 2


async def test_a_budget_needs_a_price(server: ModelServer) -> None:
    server.will(says("Here."))
    unknown = {"model": f"{server.wire.name}:in-house-7b", "max_usd": 0.5}
    with pytest.raises(StepError) as caught:
        await NamedModels().complete(question(server, **unknown))
    assert (caught.value.code, server.asked, caught.value.usage) == ("unknown_price", [], None)
    priced = {"price": {"input": 1000, "output": 2000, "cached_input": 0}}
    if server.wire.name != "google":  # the URL of Google's server has the model's name
        answer = await NamedModels().complete(question(server, **unknown, connection=priced))
        assert answer.usage["usd"] == pytest.approx(120 * 0.001 + 30 * 0.002)
        problem = await failure(server, says("Here."), **{**unknown, "max_usd": 0.1}, connection=priced)
        assert problem.code == "budget"
        assert problem.usage["usd"] == pytest.approx(0.18)


@pytest.mark.parametrize("price", [3, {}, {"input": 1}, {"input": -1, "output": 1}, {"input": "1", "output": 1}])
async def test_a_price_that_cannot_be_used_is_named(server: ModelServer, price: Any) -> None:
    problem = await failure(server, says("x"), connection={"price": price})
    assert "price" in str(problem)
    assert server.asked == []


@pytest.mark.parametrize("server", ["anthropic"], indirect=True)
async def test_a_stream_that_is_broken_off_is_no_answer(server: ModelServer) -> None:
    def broken(wire: Any, asked: Any) -> Any:
        sent = wire.say(asked, "Half of the")
        return replace(sent, body=sent.body.partition("event: message_delta")[0])

    problem = await failure(server, broken)
    assert (type(problem), problem.code) == (TransientError, "connection")


@pytest.mark.parametrize("server", ["google"], indirect=True)
async def test_a_call_that_is_no_call_is_asked_for_again(server: ModelServer) -> None:
    broken = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}]}
    server.will(raw(json.dumps(broken)), answers({"n": 1}))
    assert (await NamedModels().complete(question(server, output_schema=SCHEMA))).output == {"n": 1}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
async def test_an_answer_that_ended_with_an_error_may_be_retried(server: ModelServer) -> None:
    choice = {"message": {"content": "half"}, "finish_reason": "error"}
    problem = await failure(server, raw(json.dumps({"choices": [choice]})))
    assert (type(problem), problem.code) == (TransientError, "server_error")
    within = {"finish_reason": None, "error": {"code": 502, "message": "Provider disconnected"}, "message": {}}
    problem = await failure(server, raw(json.dumps({"choices": [within]})))
    assert (type(problem), problem.code) == (TransientError, "server_error")
    assert "Provider disconnected" in str(problem)


async def test_an_answer_whose_end_is_not_told_is_no_answer(server: ModelServer) -> None:
    journal = MemoryJournal()
    problem = await failure(server, without_reason("Half of the"), journal=journal)
    assert (type(problem), problem.code, problem.usage["requests"]) == (TransientError, "connection", 1)
    assert "finish_reasons: [none]" in str(problem)
    server.will(says("All of the text."))
    again = question(server, journal=journal.again())  # the answer in doubt was not recorded
    assert (await NamedModels().complete(again)).output == {"text": "All of the text."}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
@pytest.mark.parametrize("ended", ["", ', "finish_reason": null', ', "finish_reason": ""'])
async def test_a_reason_may_be_left_out_null_or_empty(server: ModelServer, ended: str) -> None:
    body = '{"choices": [{"message": {"role": "assistant", "content": "half"}' + ended + "}]}"
    assert (await failure(server, raw(body))).code == "connection"
    for words in (["none"], [None]):
        server.will(raw(body))
        told = question(server, connection={"finish_reasons": words})
        assert (await NamedModels().complete(told)).output == {"text": "half"}


@pytest.mark.parametrize("server", ["openai", "ollama", "google"], indirect=True)
async def test_a_whole_call_needs_no_reason(server: ModelServer) -> None:
    def call(arguments: str) -> Any:
        def reply(wire: Any, asked: Any) -> Any:
            answer = wire.message(asked, text=None, arguments=arguments, stop="call")
            answer[wire.choices][0] |= {"finish_reason": None, "finishReason": None}
            return wire.send(asked, answer)

        return reply

    server.will(call('{"n": 4}'))
    assert (await NamedModels().complete(question(server, output_schema=SCHEMA))).output == {"n": 4}
    if server.wire.name != "google":  # there the arguments are no text
        assert (await failure(server, call('{"n": 4'), output_schema=SCHEMA)).code == "connection"


@pytest.mark.filterwarnings("ignore:GALE is not a valid FinishReason")
@pytest.mark.parametrize("server", ["openai", "ollama", "google"], indirect=True)
async def test_a_reason_that_is_not_known_is_named(server: ModelServer) -> None:
    problem = await failure(server, ends_with("Here.", "GALE"))
    assert (type(problem), problem.code, "GALE" in str(problem)) == (StepError, "unknown_finish_reason", True)
    server.will(ends_with("Here.", "GALE"))
    told = question(server, connection={"finish_reasons": ["gale"]})
    assert (await NamedModels().complete(told)).output == {"text": "Here."}


@pytest.mark.parametrize("server", ["openai", "ollama"], indirect=True)
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        *[(word, None) for word in ("stop", "tool_calls", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE")],
        *[(word, "answer_cut_off") for word in ("length", "MAX_TOKENS", "model_length", "repetition")],
        *[(word, "content_filter") for word in ("content_filter", "sensitive", "guardrail_intervened")],
        *[(word, "server_error") for word in ("abort", "insufficient_system_resource", "network_error", "load")],
    ],
)
async def test_words_of_servers_are_known(server: ModelServer, reason: str, code: str | None) -> None:
    if code is not None:
        assert (await failure(server, ends_with("Here.", reason))).code == code
        return
    server.will(ends_with("Here.", reason))
    assert (await NamedModels().complete(question(server))).output == {"text": "Here."}


@pytest.mark.filterwarnings("ignore:MODEL_ARMOR is not a valid FinishReason")
@pytest.mark.parametrize("server", ["google"], indirect=True)
@pytest.mark.parametrize(
    ("reason", "code"),
    [("OTHER", "server_error"), ("FINISH_REASON_UNSPECIFIED", "server_error"), ("MODEL_ARMOR", "content_filter"),
     ("RECITATION", "content_filter"), ("LANGUAGE", "server_error"), ("MAX_TOKENS", "answer_cut_off")],
)  # fmt: skip
async def test_words_of_google_are_known(server: ModelServer, reason: str, code: str) -> None:
    assert (await failure(server, ends_with("Here.", reason))).code == code


@pytest.mark.parametrize("words", ["none", [1], {"none": True}, [""]])
async def test_finish_reasons_that_cannot_be_used_are_named(server: ModelServer, words: Any) -> None:
    problem = await failure(server, says("x"), connection={"finish_reasons": words})
    assert (server.asked, "finish_reasons of connection" in str(problem)) == ([], True)
