"""Searches of the web over the wire formats of the providers, and the step `search`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.ports import ModelRequest, WebSearch
from flowbuilder.testing import FakeConnections, FakeModel, MemoryJournal, fake_ports, run_locally
from flowbuilder.testing.model_servers import ModelServer, Reply
from flowbuilder.testing.model_servers.replies import (
    cut_off,
    empty,
    error_in_200,
    fails,
    filtered,
    html,
    refuses,
    resets,
    says,
)
from flowbuilder.testing.model_servers.searching import searched

MODELS = {"openai": "openai:gpt-5.1", "anthropic": "anthropic:claude-sonnet-4-6", "google": "google:gemini-2.5-flash"}
PAGE = ("https://tea.example/hot", "Hot tea")
OTHER = ("https://cups.example/", "Cups")


@pytest.fixture(params=MODELS)
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with ModelServer(request.param) as running:
        yield running


def question(server: ModelServer, **more: Any) -> ModelRequest:
    given = {"model": MODELS[server.wire.name], "prompt": "Is tea hot?", "search": WebSearch(), "timeout": 20.0, **more}
    return ModelRequest(connection={**server.connection, **given.pop("connection", {})}, **given)


async def failure(server: ModelServer, *replies: Reply, **more: Any) -> Any:
    server.will(*replies)
    with pytest.raises(FlowbuilderError) as caught:
        await NamedModels().complete(question(server, **more))
    return caught.value


async def test_the_answer_has_the_pages_that_it_cites_first(server: ModelServer) -> None:
    server.will(searched("Tea is hot.", PAGE, consulted=[OTHER]))
    answer = await NamedModels().complete(question(server))
    title = "" if server.wire.name == "openai" else "Cups"  # it gives the addresses of these only
    assert answer.output == {
        "text": "Tea is hot.",
        "sources": [
            {"url": PAGE[0], "title": "Hot tea", "cited": True},
            {"url": OTHER[0], "title": title, "cited": False},
        ],
    }
    assert (answer.usage["searches"], answer.usage["requests"], answer.usage["output_tokens"]) == (1, 1, 30)
    assert any("search" in str(tool).lower() for tool in server.asked[0]["tools"])


async def test_a_search_has_a_price(server: ModelServer) -> None:
    server.will(searched("Tea is hot.", PAGE))
    published = (await NamedModels().complete(question(server))).usage["usd"]
    assert published >= 0.01
    price = {"price": {"input": 0, "output": 0, "search": 0.5}}
    named = await NamedModels().complete(question(server, connection=price, max_usd=1.0))
    assert named.usage["usd"] == pytest.approx(0.5)
    assert (await failure(server, searched("Hot.", PAGE), connection=price, max_usd=0.4)).code == "budget"
    without = {"price": {"input": 0, "output": 0}}
    server.asked.clear()
    problem = await failure(server, searched("Hot.", PAGE), connection=without, max_usd=0.4)
    assert (problem.code, server.asked, "search: 0.01" in str(problem)) == ("unknown_price", [], True)
    assert (await NamedModels().complete(question(server, connection=without))).usage["usd"] is None


async def test_a_repeated_run_takes_the_recorded_search(server: ModelServer) -> None:
    server.will(searched("Tea is hot.", PAGE))
    journal = MemoryJournal()
    first = await NamedModels().complete(question(server, journal=journal))
    again = await NamedModels().complete(question(server, journal=journal.again()))
    assert (again, len(server.asked)) == (first, 1)


async def test_an_answer_without_a_search_is_none(server: ModelServer) -> None:
    problem = await failure(server, says("I know: it is hot."))
    assert (type(problem), problem.code, problem.usage["requests"]) == (StepError, "not_searched", 1)


@pytest.mark.parametrize(
    ("reason", "code", "passes"),
    [("too_many_requests", "rate_limit", True), ("unavailable", "server_error", True),
     ("query_too_long", "search_failed", False), ("max_uses_exceeded", "search_failed", False)],
)  # fmt: skip
@pytest.mark.parametrize("server", ["anthropic"], indirect=True)
async def test_a_search_that_failed_is_named(server: ModelServer, reason: str, code: str, passes: bool) -> None:
    journal = MemoryJournal()
    problem = await failure(server, searched("I could not search.", failed=reason), journal=journal)
    assert (problem.code, isinstance(problem, TransientError)) == (code, passes)
    assert reason in str(problem)
    server.will(searched("Tea is hot.", PAGE))
    if passes:  # it was not recorded
        assert (await NamedModels().complete(question(server, journal=journal.again()))).output["sources"]


@pytest.mark.parametrize("server", ["openai"], indirect=True)
async def test_a_search_of_openai_that_failed_may_be_retried(server: ModelServer) -> None:
    assert (await failure(server, searched("Sorry.", failed="failed"))).code == "server_error"


@pytest.mark.parametrize("server", ["anthropic"], indirect=True)
async def test_a_turn_that_pauses_is_continued(server: ModelServer) -> None:
    def pauses(wire: Any, asked: Any) -> Any:
        answer = wire.message(asked, text=None, arguments=None, stop="end")
        found = [
            {
                "type": "web_search_result",
                "url": PAGE[0],
                "title": "Hot tea",
                "encrypted_content": "E",
                "page_age": None,
            }
        ]
        answer |= {
            "id": "m0",
            "stop_reason": "pause_turn",
            "content": [
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "tea"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found},
            ],
        }
        return wire.send(asked, answer)

    server.will(pauses, says("Tea is hot."))
    answer = await NamedModels().complete(question(server))
    assert answer.output == {"text": "Tea is hot.", "sources": [{"url": PAGE[0], "title": "Hot tea", "cited": False}]}
    assert (answer.usage["requests"], len(server.asked)) == (2, 2)


@pytest.mark.parametrize("server", ["openai", "anthropic"], indirect=True)
async def test_domains_are_sent_and_compared_with_what_comes(server: ModelServer) -> None:
    server.will(searched("Hot.", PAGE, ("https://www.tea.example/x", "")))
    limited = question(server, search=WebSearch(allowed_domains=("tea.example",)))
    assert len((await NamedModels().complete(limited)).output["sources"]) == 2
    assert "tea.example" in str(server.asked[0]["tools"])
    for search in (WebSearch(allowed_domains=("cups.example",)), WebSearch(blocked_domains=("tea.example",))):
        problem = await failure(server, searched("Hot.", PAGE), search=search)
        assert (problem.code, "tea.example" in str(problem)) == ("invalid_answer", True)
    spoof = searched("Hot.", ("https://eviltea.example/", ""))
    assert (await failure(server, spoof, search=WebSearch(allowed_domains=("tea.example",)))).code == "invalid_answer"


async def test_what_is_no_page_of_the_web_is_no_source(server: ModelServer) -> None:
    server.will(
        searched("Hot.", PAGE, ("javascript:alert(1)", "x"), ("", "y"), ("https://a.example/" + "a" * 3000, "z"))
    )
    answer = await NamedModels().complete(question(server))
    assert [source["url"] for source in answer.output["sources"]] == [PAGE[0]]
    server.will(searched("Hot.", *[(f"https://a{n}.example/", "t" * 900) for n in range(250)]))
    sources = (await NamedModels().complete(question(server))).output["sources"]
    assert (len(sources), len(sources[0]["title"])) == (200, 500)


@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        (cut_off("Tea is"), ("answer_cut_off",)),
        (filtered("Tea"), ("content_filter", "refusal")),
        (refuses(), ("content_filter", "refusal")),
        (empty(), ("empty_answer",)),
        (fails(401, "Incorrect API key provided"), ("configurationerror",)),
        (fails(402, "Insufficient credits"), ("quota",)),
        (fails(404, "The model does not exist"), ("unknown_model",)),
        (fails(500, "boom"), ("server_error",)),
        (fails(429, "Rate limit reached"), ("rate_limit",)),
        (error_in_200(429, "Rate limit exceeded"), ("rate_limit",)),
        (html(), ("server_error", "connection")),
        (resets(), ("connection",)),
    ],
)
async def test_other_failures_are_those_of_a_model(server: ModelServer, reply: Reply, codes: tuple[str, ...]) -> None:
    problem = await failure(server, reply)
    assert getattr(problem, "code", type(problem).__name__.lower()) in codes


@pytest.mark.parametrize(
    "words",
    [
        "Hosted tool 'web_search' is not supported with gpt-3.5-turbo.",
        "Web search is not enabled for this organization.",
        "Search Grounding is not supported.",
        "Unable to submit request because google_search tool is not supported by this model",
        "tools.0: Input tag 'web_search_20250305' found using 'type' did not match any of the expected tags",
    ],
)
async def test_a_model_that_cannot_search_is_named(server: ModelServer, words: str) -> None:
    assert (await failure(server, fails(400, words))).code == "search_not_supported"


@pytest.mark.parametrize("server", ["openai"], indirect=True)
async def test_other_errors_keep_their_code(server: ModelServer) -> None:
    assert (await failure(server, fails(400, "`temperature` is not supported with this model"))).code == "model"


@pytest.mark.parametrize("model", ["ollama:llama3.2", "vllm:qwen", "demo:editor"])
@pytest.mark.parametrize("server", ["openai"], indirect=True)
async def test_only_providers_with_a_search_are_asked(server: ModelServer, model: str) -> None:
    problem = await failure(server, model=model)
    assert (problem.code, server.asked) == ("search_not_supported", [])


# --- the step -------------------------------------------------------------------------------------------------------


def step(**fields: Any) -> dict[str, Any]:
    return {
        "id": "s",
        "type": "search",
        "model": "openai:gpt-5.1",
        "connection": "one",
        "query": "Is tea hot?",
        **fields,
    }


def run(*steps: dict[str, Any], models: Any = None, **connections: Any) -> Any:
    document = {
        "schema": "flowbuilder/v1",
        "name": "w",
        "steps": list(steps),
        "outputs": {"s": "{{ steps.s.output }}"},
    }
    ports = fake_ports(models=models or NamedModels(), connections=FakeConnections(connections))
    return run_locally(document, ports=ports)


@pytest.mark.parametrize("server", ["openai"], indirect=True)
def test_the_step_asks_and_records_what_it_cost(server: ModelServer) -> None:
    server.will(searched("Tea is hot.", PAGE))
    done = run(step(system="Be brief."), one=server.connection)
    assert done.outputs["s"] == {
        "text": "Tea is hot.",
        "sources": [{"url": PAGE[0], "title": "Hot tea", "cited": True}],
    }
    usage = done.outcomes["s"].usage
    assert (usage["model"], usage["searches"], usage["usd"] > 0.01) == ("openai:gpt-5.1", 1, True)
    assert "Be brief." in server.wire.name or "Be brief." in str(server.asked[0])


def test_another_model_searches_where_the_first_does_not() -> None:
    with ModelServer("openai") as first, ModelServer("anthropic") as second:
        for reply, code in (
            (says("I know."), "not_searched"),
            (fails(400, "web_search is not supported"), "search_not_supported"),
        ):
            first.will(reply)
            second.will(searched("Tea is hot.", PAGE))
            fallback = {"fallback": MODELS["anthropic"], "fallback_connection": "two"}
            done = run(step(**fallback), one=first.connection, two=second.connection)
            assert done.status == "completed", done.error
            assert done.outcomes["s"].usage["fell_back"]["code"] == code


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "google:gemini-2.5-flash", "allowed_domains": ["a.example"]}, "no limits of domains"),
        ({"fallback": "google:gemini-2.5-flash", "blocked_domains": ["a.example"]}, "no limits of domains"),
        (
            {
                "model": "anthropic:claude-sonnet-4-6",
                "allowed_domains": ["a.example"],
                "blocked_domains": ["b.example"],
            },
            "not both",
        ),
        ({"max_searches": 3}, "no limit of searches"),
        ({"allowed_domains": ["https://a.example/x"]}, "a domain such as example.com"),
        ({"allowed_domains": ["example"]}, "a domain such as example.com"),
        ({"model": "{{ 'google:gemini-2.5-flash' }}", "allowed_domains": ["a.example"]}, "no limits of domains"),
    ],
)
def test_a_limit_that_the_provider_would_ignore_is_an_error(fields: dict[str, Any], words: str) -> None:
    try:
        message = str(run(step(**fields), models=FakeModel(), one={}).error)
    except FlowbuilderError as problem:
        message = str(problem)
    assert words in message


def test_a_search_is_untrusted() -> None:
    cms = {
        "id": "p", "type": "cms", "operation": "update", "url": "https://my.example/a",
        "body": "{{ steps.s.output.text }}",
    }  # fmt: skip
    with pytest.raises(FlowbuilderError) as caught:
        run(step(), cms, models=FakeModel("Hot."), one={})
    assert "web search" in str(caught.value)
