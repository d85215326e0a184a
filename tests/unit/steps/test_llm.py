"""The `llm` step with real models' protocols, the demo model, and its fallback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder import load
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import DefinitionError, TransientError
from flowbuilder.ports import ModelRequest
from flowbuilder.testing import FakeConnections, FakeModel, Finished, MemoryStore, ModelServer, fake_ports, run_locally
from flowbuilder.testing.model_servers.replies import answers

Run = Callable[..., Finished]
SCHEMA = {"type": "object", "properties": {"body": {"type": "string"}}, "required": ["body"]}


def answering(request: Request) -> Response:
    """An OpenAI-compatible server that repeats the prompt and the key it was given."""
    asked = request.get_json()
    call = {
        "name": asked["tools"][0]["function"]["name"],
        "arguments": json.dumps({"body": f"{asked['messages'][-1]['content']} by {asked['model']}"}),
    }
    message = {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": call}]}
    return Response(
        json.dumps(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": asked["model"],
                "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
            }
        ),
        content_type="application/json",
    )


@pytest.fixture
def server(httpserver: HTTPServer, tmp_path: Path) -> HTTPServer:
    (tmp_path / "connections.yaml").write_text(f"llm: {{base_url: '{httpserver.url_for('/v1')}', api_key: k}}\n")
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answering)
    return httpserver


def step(**more: Any) -> dict[str, Any]:
    return {"type": "llm", "model": "openai:gpt-4o-mini", "prompt": "Hello", "output_schema": SCHEMA, **more}


def test_the_output_is_the_validated_object_and_the_usage_is_in_the_timeline(run: Run, server: HTTPServer) -> None:
    finished = run(step(connection="llm", prompt="Hello {{ inputs.who }}"), inputs={"who": {}}, given={"who": "ana"})
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == {"body": "Hello ana by gpt-4o-mini"}
    (done,) = [event for event in finished.events if event.type == "step_completed"]
    assert done.data["usage"]["model"] == "openai:gpt-4o-mini"
    assert done.data["usage"]["input_tokens"] == 10
    assert done.data["usage"]["usd"] > 0


def test_the_fallback_answers_when_the_model_is_down(run: Run, server: HTTPServer) -> None:
    server.clear_all_handlers()
    server.expect_ordered_request("/v1/chat/completions").respond_with_data("{}", status=503)
    server.expect_ordered_request("/v1/chat/completions").respond_with_handler(answering)
    finished = run(step(connection="llm", fallback="openai:gpt-4.1-mini"))
    assert finished.outputs["s"] == {"body": "Hello by gpt-4.1-mini"}


def test_the_fallback_is_not_asked_when_the_request_itself_is_wrong(run: Run, server: HTTPServer) -> None:
    server.clear_all_handlers()
    server.expect_request("/v1/chat/completions").respond_with_data('{"error": {"message": "no"}}', status=400)
    finished = run(step(connection="llm", fallback="openai:gpt-4.1-mini"))
    assert finished.status == "failed"
    assert len(server.log) == 1


def test_a_model_that_is_down_is_retried_by_the_steps_policy(run: Run, server: HTTPServer) -> None:
    server.clear_all_handlers()
    server.expect_ordered_request("/v1/chat/completions").respond_with_data("{}", status=500)
    server.expect_ordered_request("/v1/chat/completions").respond_with_handler(answering)
    finished = run(step(connection="llm", retry={"attempts": 2, "delay_seconds": 0}))
    assert finished.status == "completed", finished.error
    assert finished.outcomes["s"].attempt == 2


def test_the_demo_model_needs_no_key_and_names_itself(run: Run) -> None:
    finished = run({"type": "llm", "model": "demo:any", "prompt": "Rewrite.\nOne line of text."})
    assert "demo model, no LLM" in finished.outputs["s"]["text"]


@pytest.mark.parametrize(("model", "code"), [("gpt-5.1", "invalid_field"), ("unknown:x", "unknown_model")])
def test_an_unknown_model_name_fails_with_a_remedy(run: Run, model: str, code: str) -> None:
    finished = run(step(model=model))
    assert (finished.status, finished.error["code"]) == ("failed", code)
    assert model in finished.error["message"]


def test_a_missing_key_is_a_configuration_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    finished = run(step())
    assert finished.error["code"] == "configurationerror"
    assert "set OPENAI_API_KEY" in finished.error["message"]


def test_the_smaller_limit_is_passed_on(run: Run) -> None:
    model = FakeModel([{"body": "x"}])
    run(
        step(max_tokens=500, budget={"usd": 0.5, "output_tokens": 200}, temperature=0.1, timeout_seconds=7),
        ports=fake_ports(models=model),
    )
    (asked,) = model.requests
    assert (asked.max_tokens, asked.max_usd, asked.temperature, asked.timeout) == (200, 0.5, 0.1, 7.0)


def test_when_both_models_are_down_the_last_failure_is_the_steps(run: Run) -> None:
    model = FakeModel([TransientError("one", reason="server_error"), TransientError("two", reason="connection")])
    finished = run(step(fallback="openai:b"), ports=fake_ports(models=model))
    assert (finished.error["code"], finished.error["message"]) == ("connection", "two")


@pytest.mark.parametrize(
    ("fields", "given", "asked"),
    [
        ({"model": "openai:a", "fallback": "openai:b", "connection": "o"}, {}, ["openai:a", "openai:b"]),
        ({"model": "openai:a", "fallback": "anthropic:b", "connection": "o"}, {}, []),
        ({"model": "openai:a", "fallback": "{{ inputs.name }}", "connection": "o"}, {"name": "anthropic:b"}, []),
        ({"model": "{{ inputs.name }}", "connection": "o"}, {"name": "anthropic:b"}, []),
        ({"model": "openai:{{ inputs.name }}", "connection": "plain"}, {"name": "x"}, ["openai:x"]),
        ({"model": "{{ inputs.name }}", "connection": "plain"}, {"name": "openai:x"}, []),
        (
            {"model": "openai:a", "connection": "o", "fallback": "anthropic:b", "fallback_connection": "a"},
            {},
            ["openai:a", "anthropic:b"],
        ),
        ({"model": "openai:a", "connection": "o", "fallback": "openai:b", "fallback_connection": "a"}, {}, []),
    ],
)
def test_the_key_of_a_connection_goes_to_its_own_provider(
    fields: dict[str, Any], given: dict[str, str], asked: list[str]
) -> None:
    keys = {"o": "sk-proj-1234567", "a": "sk-ant-1234567", "plain": "plain-key-1"}
    connections = FakeConnections({name: {"api_key": key} for name, key in keys.items()})
    seen: list[str] = []

    def down(request: ModelRequest) -> Any:
        seen.append(request.model)
        return TransientError("down", reason="server_error")

    document = {
        "schema": "flowbuilder/v1",
        "name": "one",
        "inputs": {"name": {"type": "string", "default": ""}},
        "steps": [{"id": "s", "type": "llm", "prompt": "x", **fields}],
    }
    store = MemoryStore()
    ports = fake_ports(models=FakeModel(down), connections=connections)
    if fields.get("fallback") == "anthropic:b" and "fallback_connection" not in fields:
        with pytest.raises(DefinitionError, match="FB505"):
            run_locally(document, given, ports=ports, store=store)
        return
    finished = run_locally(document, given, ports=ports, store=store)
    assert seen == asked
    assert finished.error is not None
    assert finished.error["code"] == ("wrong_provider" if not asked else "server_error")


def test_the_cost_of_a_failed_step_is_recorded(run: Run) -> None:
    with ModelServer("openai") as server:
        server.will(answers({"body": 7}))
        ports = fake_ports(models=NamedModels(), connections=FakeConnections({"llm": server.connection}))
        finished = run(step(connection="llm"), ports=ports)
    assert finished.error["code"] == "invalid_answer"
    usage = finished.outcomes["s"].usage
    assert (usage["requests"], usage["input_tokens"], usage["output_tokens"]) == (2, 240, 60)
    (failed,) = [event for event in finished.events if event.type == "step_failed"]
    assert failed.data["usage"] == usage


def test_an_object_that_was_cut_off_cannot_be_continued() -> None:
    document = {"schema": "flowbuilder/v1", "name": "one", "steps": [{"id": "s", **step(on_cut_off="continue")}]}
    _, report = load(document)
    assert "cannot be continued" in report.summary()
