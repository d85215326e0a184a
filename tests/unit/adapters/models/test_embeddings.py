"""Embedding models over their real wire formats, and the step `embed`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder import check, load
from flowbuilder.adapters.models import named_embeddings
from flowbuilder.adapters.models.named_embeddings import NamedEmbeddings
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports import EmbeddingRequest
from flowbuilder.testing import FakeEmbeddings, MemoryJournal, ModelServer, fake_ports, run_locally
from flowbuilder.testing.model_servers import Sent
from flowbuilder.testing.model_servers.replies import Reply, embeds, error_in_200, fails, html, raw

BAD = "invalid_answer"
MODELS = {
    "openai": "openai:text-embedding-3-small",
    "ollama": "ollama:nomic-embed-text",
    "google": "google:gemini-embedding-001",
}


@pytest.fixture(params=MODELS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(request.param) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        running.will(embeds())
        yield running


def question(server: ModelServer, *texts: str, **more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model=MODELS[server.wire.name], texts=texts or ("tea", "cup"), timeout=10.0, **more)


async def failure(request: EmbeddingRequest, kind: type[Exception] = StepError) -> Any:
    with pytest.raises(kind) as caught:
        await NamedEmbeddings().embed(request)
    return caught.value


async def test_each_text_has_its_vector(server: ModelServer) -> None:
    answer = await NamedEmbeddings().embed(question(server, dimensions=4))
    assert answer.vectors == ((0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
    (asked,) = server.asked
    assert "tea" in json.dumps(asked)
    assert "4" in json.dumps(asked.get("dimensions") or asked["requests"])
    assert answer.usage["requests"] == 1
    if server.wire.name == "openai":
        assert answer.usage["input_tokens"] == 7
        assert answer.usage["usd"] > 0


async def test_adapter_and_fake_keep_the_contract(server: ModelServer) -> None:
    """A vector for each text, all of the length that is asked for, and a usage with requests, tokens and USD."""
    request = question(server, "tea", "cup", "tea", dimensions=4)
    for model in (NamedEmbeddings(), FakeEmbeddings()):
        answer = await model.embed(request)
        assert [len(vector) for vector in answer.vectors] == [4, 4, 4]
        assert {"requests", "input_tokens", "output_tokens", "usd"} <= answer.usage.keys()


async def test_many_texts_go_in_several_requests_and_stay_in_order(server: ModelServer) -> None:
    answer = await NamedEmbeddings().embed(question(server, *map(str, range(250))))
    assert [vector[0] for vector in answer.vectors] == [float(n % 100) for n in range(250)]
    assert answer.usage["requests"] == len(server.asked) == 3


async def test_a_repeated_run_pays_only_for_what_is_not_recorded(server: ModelServer) -> None:
    server.will(embeds(), fails(500), embeds())
    journal = MemoryJournal()
    texts = tuple(map(str, range(150)))
    await failure(question(server, *texts, journal=journal), TransientError)
    answer = await NamedEmbeddings().embed(question(server, *texts, journal=journal.again()))
    assert len(answer.vectors) == 150
    assert answer.usage["requests"] == 2
    assert len(server.asked) == 3
    other = question(server, *texts, journal=journal.again())
    await NamedEmbeddings().embed(replace(other, input_type="query"))
    assert len(server.asked) == 5  # another question


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (fails(429, "slow down"), "rate_limit"),
        (fails(500, "boom"), "server_error"),
        (fails(404, "The model does not exist"), "unknown_model"),
        (error_in_200(429, "Rate limit exceeded"), "rate_limit"),
        (html(), "server_error"),
        (raw('{"data": [], "embeddings": []}'), "server_error"),
        (raw('{"object": "list"}'), "invalid_answer"),
        (raw('{"data": [{"embedding": []}, {"embedding": []}], "embeddings": [{"values": []}, {}]}'), BAD),
        (
            raw('{"data": [{"embedding": ["x"]}, {"embedding": [1]}], "embeddings": [{"values": [1]}]}'),
            "invalid_answer",
        ),
    ],
)
async def test_what_is_no_answer_is_named(server: ModelServer, reply: Reply, code: str) -> None:
    server.will(reply)
    assert (await failure(question(server))).code == code


@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_an_answer_that_is_too_deep_to_be_read_is_named(server: ModelServer, status: int) -> None:
    server.will(lambda wire, asked: Sent("[" * 3000 + "]" * 3000, status=status))
    named = ("server_error", "invalid_answer", "model", "unknown_model")
    assert (await failure(question(server))).code in named


async def test_a_missing_vector_is_not_taken_for_an_answer(server: ModelServer) -> None:
    server.will(
        lambda wire, asked: embeds()(
            wire, {**asked, **({"requests": [1]} if "requests" in asked else {"input": ["a"]})}
        )
    )
    problem = await failure(question(server))
    assert (problem.code, "1 vectors for 2 texts" in str(problem)) == ("invalid_answer", True)


async def test_a_wrong_key_is_a_configuration_error(server: ModelServer) -> None:
    server.will(fails(401, "Incorrect API key provided"))
    await failure(question(server), ConfigurationError)


async def test_more_numbers_than_a_step_may_have_are_too_large_and_not_all_bought(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_embeddings, "MAX_NUMBERS", 1_000)
    problem = await failure(question(server, *map(str, range(300))))
    assert (problem.code, problem.usage["requests"], len(server.asked)) == ("too_large", 1, 1)


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-6", "demo:x", "acme:x"])
async def test_a_provider_without_embeddings_is_named(model: str) -> None:
    problem = await failure(EmbeddingRequest(model=model, texts=("a",)))
    assert (problem.code, model in str(problem)) == ("unknown_model", True)


async def test_the_budget_holds() -> None:
    with ModelServer("openai") as server:
        server.will(embeds(tokens=900_000))
        connection = {**server.connection, "price": {"input": 1.0, "output": 0}}
        request = EmbeddingRequest(model="openai:x", texts=tuple(map(str, range(300))), connection=connection)
        problem = await failure(replace(request, max_usd=1.0))
        assert (problem.code, len(server.asked), problem.usage["usd"]) == ("budget", 2, 1.8)
        unknown = replace(request, max_usd=1.0, connection=server.connection, model="openai:no-such-model")
        assert (await failure(unknown)).code == "unknown_price"
        assert len(server.asked) == 2


# the step


def document(**fields: Any) -> dict[str, Any]:
    step = {"id": "s", "type": "embed", "model": "openai:text-embedding-3-small", **fields}
    outputs = {"n": "{{ steps.s.output.embeddings | length }}", "all": "{{ steps.s.output }}"}
    inputs = {"texts": {"type": "array", "items": {"type": "string"}}}
    return {"schema": "flowbuilder/v1", "name": "w", "inputs": inputs, "steps": [step], "outputs": outputs}


def test_the_step_records_usage_and_price(monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer("openai") as server:
        server.will(embeds())
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        ports = fake_ports(embeddings=NamedEmbeddings())
        flow = document(texts="{{ inputs.texts }}", budget={"usd": 0.5}, dimensions=4)
        finished = run_locally(flow, {"texts": ["tea", "cup"]}, ports=ports)
    assert finished.status == "completed", finished.error
    output = finished.outputs["all"]
    assert output["embeddings"] == [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    assert (output["model"], output["usage"]["input_tokens"]) == ("openai:text-embedding-3-small", 7)
    (done,) = [event for event in finished.events if event.type == "step_completed"]
    assert (done.data["usage"]["requests"], done.data["usage"]["usd"] > 0) == (1, True)


@pytest.mark.parametrize(
    ("fields", "count"), [({"texts": "tea"}, 1), ({"texts": ["a", "b"]}, 2), ({"texts": "{{ inputs.texts }}"}, 3)]
)
def test_one_text_or_a_list(fields: dict[str, Any], count: int) -> None:
    finished = run_locally(document(**fields), {"texts": ["a", "b", "c"]}, ports=fake_ports())
    assert finished.outputs["n"] == count, finished.error


@pytest.mark.parametrize("texts", [[], [""], 7, ["a"] * 5_001, [["a"]]])
def test_what_cannot_be_embedded_is_an_error_of_the_document(texts: Any) -> None:
    definition, _ = load(document(texts=texts))
    assert definition is not None
    assert not check(definition).ok


def test_numbers_made_of_an_outsiders_text_are_numbers() -> None:
    """Numbers carry no text; the model is named by the definition, not by its server."""
    page = {"id": "page", "type": "page", "url": "https://example.com/a"}
    step = {"id": "s", "type": "embed", "model": "openai:x", "texts": "{{ steps.page.output.text }}"}
    post: dict[str, Any] = {"id": "post", "type": "api", "method": "POST", "url": "https://example.com/w"}
    post["json"] = {"first": "{{ steps.s.output.embeddings[0][0] }}"}
    definition, _ = load({"schema": "flowbuilder/v1", "name": "w", "steps": [page, step, post]})
    assert definition is not None
    assert {found.code for found in check(definition).errors} == set()
