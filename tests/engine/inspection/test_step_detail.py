"""What a step run was given and gave: fields, attempts, conversations and totals, without sensitive values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.models.named_embeddings import NamedEmbeddings
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.cli.output.step_text import step_text
from flowbuilder.engine.inspection.step_detail import StepDetail
from flowbuilder.engine.inspection.totals import totals
from flowbuilder.errors import NotFound, StepError, TransientError
from flowbuilder.ports import Ports
from flowbuilder.testing import Answer, FakeConnections, FakeHttp, FakeMcp, FakeModel, Finished, fake_ports, run_locally
from flowbuilder.testing.model_servers import WIRES, ModelServer
from flowbuilder.testing.model_servers.replies import answers, cut_off, embeds, fails, says
from flowbuilder.testing.model_servers.searching import searched
from flowbuilder.values import JsonObject

HEAD = "schema: flowbuilder/v1\nname: w\n"


def detail(done: Finished, path: str) -> StepDetail:
    return done.app.step_detail(done.execution.id, path)


# --- fields ---------------------------------------------------------------------------------------------------------


ITEMS = (
    HEAD
    + """
inputs: {topic: {type: string}}
steps:
  - {id: list, type: code, source: "[3, 1, 2]"}
  - id: each
    type: iteration
    over: steps.list.output
    as: size
    max_concurrency: 1
    steps:
      - {id: draft, type: code, source: "size * 2", with: {size: "{{ size }}", at: "{{ loop.number }}"}}
      - {id: check, type: code, source: "d", with: {d: "{{ steps.draft.output }} of {{ inputs.topic }}"}}
outputs: {n: "{{ steps.each.output.outputs }}"}
"""
)


def test_the_fields_of_steps_in_an_iteration_are_those_of_their_item() -> None:
    done = run_locally(ITEMS, {"topic": "tea"})
    assert detail(done, "list").fields == {"source": "[3, 1, 2]"}
    assert detail(done, "each").fields == {"over": [3, 1, 2], "as": "size", "max_concurrency": 1}
    assert detail(done, "each[1].draft").fields == {"source": "size * 2", "with": {"size": 1, "at": 2}}
    last = detail(done, "each[2].check")
    assert last.fields == {"source": "d", "with": {"d": "4 of tea"}}
    assert (last.type, last.status, last.output) == ("code", "completed", "4 of tea")
    assert detail(done, "each").inside["each[2].check"] == "completed"


def test_an_item_that_ended_before_its_iteration_stopped_has_its_fields() -> None:
    document = ITEMS.replace("size * 2", "size * 2 if size != 1 else int('missing')").replace("max_concurrency: 1", "")
    done = run_locally(document, {"topic": "tea"})
    assert done.status == "failed"
    assert detail(done, "each[0].draft").fields["with"] == {"size": 3, "at": 1}
    failed = detail(done, "each[1].draft")
    assert failed.fields["with"] == {"size": 1, "at": 2}
    assert failed.status == "failed"
    assert failed.error is not None
    assert "missing" in failed.error["message"]


ROUNDS = (
    HEAD
    + """
steps:
  - id: draft
    type: code
    source: "text"
    with: {text: "{{ feedback.comment if feedback else 'first' }}"}
  - id: review
    type: human_review
    title: "Round"
    proposal: "{{ steps.draft.output }}"
    on_changes_requested: {rewind_to: draft, max_rounds: 2}
  - {id: after, type: code, source: "text", with: {text: "{{ steps.review.output.approved }}"}}
outputs: {text: "{{ steps.after.output }}"}
"""
)


def test_each_round_has_the_fields_of_its_own_feedback() -> None:
    verbs = iter([Answer(verb="request-changes", comment="shorter"), Answer(verb="approve")])
    done = run_locally(ROUNDS, decide=lambda review: next(verbs))
    assert done.outputs == {"text": "shorter"}
    assert detail(done, "draft").fields["with"] == {"text": "first"}
    assert detail(done, "draft#2").fields["with"] == {"text": "shorter"}
    first, second = detail(done, "review"), detail(done, "review#2")
    assert (first.fields["proposal"], second.fields["proposal"]) == ("first", "shorter")
    assert [review["status"] for review in (*first.reviews, *second.reviews)] == ["changes_requested", "approved"]
    assert second.output["approved"] == "shorter"


CALLED = """
schema: flowbuilder/v1
name: called
inputs: {key: {type: string, sensitive: true}, n: {type: integer, default: 4}}
steps:
  - {id: echo, type: code, source: "[n, key]", with: {key: "<{{ inputs.key }}>", n: "{{ inputs.n + 1 }}"}}
outputs: {n: "{{ steps.echo.output }}"}
"""
CALLER = (
    HEAD
    + """
inputs: {token: {type: string, sensitive: true}}
steps:
  - {id: call, type: workflow, name: called, with: {key: "{{ inputs.token }}"}}
  - id: choice
    type: conditional
    depends_on: call
    branches: [{when: "1 == 1", steps: [{id: taken, type: code, source: "1"}]}]
    else: {steps: [{id: other, type: code, source: "2"}]}
outputs: {n: "{{ steps.call.output.n }}"}
"""
)
TOKEN = "tok-4711-Plain"


def test_called_workflows_and_branches_have_details_without_sensitive_values() -> None:
    done = run_locally(CALLER, {"token": TOKEN}, called=(CALLED,))
    call, echo = detail(done, "call"), detail(done, "call.echo")
    assert call.fields == {"name": "called", "version": 1, "with": {"key": "[sensitive input key]"}}
    assert echo.fields["with"] == {"key": "<[sensitive input key]>", "n": 5}
    assert call.inside == {"call.echo": "completed"}
    assert detail(done, "taken").status == "completed"
    other = detail(done, "other")
    assert (other.status, other.fields_missing) == ("skipped", "it did not run")
    assert "another branch" in other.reason


SECRETS = (
    HEAD
    + """
inputs:
  token: {type: string, sensitive: true}
  pin: {type: string, sensitive: true}
  on: {type: boolean, sensitive: true}
  login: {type: object, sensitive: true}
steps:
  - id: use
    type: code
    source: "1"
    with:
      plain: "Bearer {{ inputs.token }}"
      upper: "{{ inputs.token | upper }}"
      cut: "{{ inputs.token | truncate(7) }}"
      size: "{{ inputs.token | length }}"
      either: "{% if inputs.pin == '12' %}twelve{% else %}other{% endif %}"
      pin: "{{ inputs.pin }}"
      within: "pin={{ inputs.pin }};"
      flag: "{{ inputs.on }}"
      user: "{{ inputs.login.user }}"
      whole: "{{ inputs.login }}"
      listed: ["{{ inputs.pin }}", "12 eggs", 7]
      nothing: "a text without any"
outputs: {}
"""
)


def test_what_a_template_makes_of_a_sensitive_value_is_hidden_however_short_or_changed_it_is() -> None:
    login = {"user": "ana", "words": ["a-long-password", "short"]}
    done = run_locally(SECRETS, {"token": TOKEN, "pin": "12", "on": True, "login": login})
    assert done.status == "completed"
    assert detail(done, "use").fields["with"] == {
        "plain": "Bearer [sensitive input token]",
        "upper": "[hidden]",
        "cut": "[hidden]",
        "size": "[hidden]",
        "either": "[hidden]",
        "pin": "[hidden]",
        "within": "pin=[hidden];",
        "flag": "[hidden]",
        "user": "[hidden]",
        "whole": {"user": "[hidden]", "words": ["[sensitive input login]", "[hidden]"]},
        "listed": ["[hidden]", "12 eggs", 7],
        "nothing": "a text without any",
    }


def test_fields_that_cannot_be_made_are_named_and_the_others_are_shown() -> None:
    document = (
        HEAD
        + """
steps:
  - {id: one, type: code, source: "{'a': 1}"}
  - id: two
    type: api
    url: "https://example.com/{{ steps.one.output.b.c }}"
    headers: {x: "{{ steps.one.output.a }}"}
outputs: {}
"""
    )
    found = detail(run_locally(document), "two")
    assert found.status == "failed"
    assert found.fields_failed.startswith("url: ")
    assert found.fields == {"headers": {"x": 1}} or found.fields == {"headers": {"x": "1"}}


def test_a_url_is_shown_as_it_was_sent() -> None:
    document = (
        HEAD
        + "steps: [{id: get, type: api, url: \"https://example.com/{{ 1 + 1 }}/a b?q={{ 'x y&z' }}\"}]\noutputs: {}"
    )
    http = FakeHttp({"https://example.com/": {"ok": True}})
    found = detail(run_locally(document, ports=fake_ports(http=http)), "get")
    assert found.fields["url"] == "https://example.com/2/a b?q=x%20y%26z"


# --- unknown and old ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("each[1]", "inside of it are each[1].draft, each[1].check"),
        ("each[2].drfat", "did you mean each[2].draft"),
        ("eahc", "did you mean each?"),
        ("zzz", "there are list, each, each[0].draft"),
        ("", "no step run (empty): there are list"),
        ("a" * 5000, "there are list"),
    ],
)
def test_an_unknown_path_is_answered_with_the_nearest_ones(path: str, hint: str) -> None:
    done = run_locally(ITEMS, {"topic": "tea"})
    with pytest.raises(NotFound) as refused:
        detail(done, path)
    assert hint in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_step_that_has_not_started_says_so() -> None:
    done = run_locally(ROUNDS, decide=lambda review: None)
    assert done.status == "waiting"
    after = detail(done, "after")
    assert (after.status, after.fields, after.fields_missing) == ("pending", {}, "it has not started")
    assert detail(done, "review").status == "waiting"
    assert detail(done, "review").fields["proposal"] == "first"


def test_the_answers_of_an_older_release_are_shown_without_their_requests() -> None:
    done = _asked(ModelServer("openai"), says("Fine."))
    stored = done.store._memory.executions[done.execution.id].step_memos  # type: ignore[attr-defined]
    for _, memo in stored.values():
        for name in ("asked", "call", "model", "usd"):
            memo.answer.pop(name, None)
    tool, exchange = detail(done, "ask").exchanges
    assert (tool["tool"], tool["answer"]) == (None, "found")
    assert (exchange["request"], exchange["usd"]) == (None, None)
    assert exchange["answer"] == {"text": "Fine."}
    assert exchange["tokens"]["input_tokens"] == 120
    stored.clear()
    old = detail(done, "ask")
    assert old.exchanges == ()
    assert "the prompt is among its fields" in old.exchanges_missing


# --- conversations --------------------------------------------------------------------------------------------------

ASK = (
    HEAD
    + """
inputs: {topic: {type: string, default: tea}}
steps:
  - id: ask
    type: mcp_llm
    model: MODEL
    connection: one
    retry: {attempts: 3, delay_seconds: 0}
    system: "Be brief about {{ inputs.topic }}"
    messages: [{role: user, content: "Hi"}, {role: assistant, content: "Ho"}]
    prompt: "Write about {{ inputs.topic }}"
    context: [{server: docs, tool: search, arguments: {q: "{{ inputs.topic }}"}}]
    tools: [{server: docs, tool: look, reads_only: true}]
outputs: {}
"""
)


def _asked(server: ModelServer, *replies: Any, document: str = ASK, look: Any = "a look") -> Finished:
    with server:
        server.will(*replies)
        mcp = FakeMcp({"docs": {"search": "found", "look": look}})
        connections = FakeConnections({"one": server.connection})
        ports = fake_ports(models=NamedModels(), connections=connections, mcp=mcp)
        return run_locally(document.replace("MODEL", server.wire.model), ports=ports)


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_a_conversation_with_tools_is_read_in_order_on_every_wire_format(wire: str) -> None:
    """Also where its second attempt resumes from the recorded answers, and where a tool fails once."""
    failures: Iterator[Exception] = iter([StepError("no such key", code="mcp_tool")])

    def look(arguments: JsonObject) -> str:
        for problem in failures:
            raise problem
        return f"seen {arguments['key']}"

    replies = (answers({"key": 1}), answers({"key": 2}), fails(500), says("Done."))
    done = _asked(ModelServer(wire), *replies, look=look)
    assert done.status == "completed", done.error
    found = detail(done, "ask")
    search, first, failed, second, looked, third = found.exchanges
    assert (search["server"], search["tool"], search["arguments"]) == ("docs", "search", {"q": "tea"})
    assert search["answer"] == "found"
    assert [(part["role"], part["text"]) for part in first["request"][:4]] == [
        ("system", "Be brief about tea"),
        ("user", "Hi"),
        ("assistant", "Ho"),
        ("user", "Write about tea"),
    ]
    (call,) = first["answer"]["tool_calls"]
    assert (call["tool"], call["arguments"]) == ("docs-look", {"key": 1})
    assert (failed["arguments"], failed["failed"], failed["answer"]) == ({"key": 1}, "no such key", None)
    assert second["request"] == [{"role": "complaint", "tool": "docs-look", "text": "no such key"}]
    assert (looked["answer"], looked["failed"]) == ("seen 2", None)
    assert third["request"] == [{"role": "tool", "tool": "docs-look"}]
    assert third["answer"] == {"text": "Done."}
    assert [attempt["outcome"] for attempt in found.attempts] == ["retried", "completed"]
    assert found.attempts[0]["error"]["code"] == "server_error"
    models = [first, second, third]
    for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
        assert sum(each["tokens"][name] for each in models) == found.usage[name], name
    assert found.usage["requests"] == 3
    costs = [each["usd"] for each in models]
    assert None in costs or sum(costs) == pytest.approx(found.usage["usd"])


def test_a_call_that_failed_is_not_made_again_by_the_next_attempt() -> None:
    calls: list[JsonObject] = []

    def look(arguments: JsonObject) -> str:
        calls.append(arguments)
        if arguments == {"key": 1}:
            raise StepError("no such key", code="mcp_tool")
        return "seen"

    done = _asked(ModelServer("openai"), answers({"key": 1}), fails(500), answers({"key": 2}), says("Done."), look=look)
    assert done.status == "completed"
    assert calls == [{"key": 1}, {"key": 2}]


@pytest.mark.parametrize(
    ("look", "answer", "failed"),
    [("sent", "sent", None), (ValueError("lost"), None, "it is not known what it has done")],
)
def test_a_call_that_may_write_is_shown_once_also_where_its_outcome_is_unknown(
    look: Any, answer: str | None, failed: str | None
) -> None:
    replies = (answers({"to": "ana"}), says("Done."))
    document = ASK.replace(", reads_only: true", "").replace("    context: [", "    # context: [")
    done = _asked(ModelServer("openai"), *replies, document=document, look=look)
    exchanges = detail(done, "ask").exchanges
    calls = [each for each in exchanges if each["kind"] == "tool"]
    (call,) = calls
    assert (call["server"], call["tool"], call["arguments"], call["answer"]) == ("docs", "look", {"to": "ana"}, answer)
    assert call["failed"] == failed or failed in call["failed"]
    assert {each["kind"] for each in exchanges} == {"model", "tool"}


def test_a_repair_shows_the_wrong_answer_and_the_complaint() -> None:
    document = (
        HEAD
        + """
steps:
  - id: ask
    type: llm
    model: MODEL
    connection: one
    prompt: Count
    output_schema: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
outputs: {}
"""
    )
    done = _asked(ModelServer("openai"), answers({"n": "x"}), answers({"n": 4}), document=document)
    wrong, right = detail(done, "ask").exchanges
    assert wrong["answer"] == {"object": {"n": "x"}}
    (complaint,) = right["request"]
    assert complaint["role"] == "complaint"
    assert "not of type" in complaint["text"]
    assert right["answer"] == {"object": {"n": 4}}


def test_the_model_that_answered_instead_is_named_with_its_reason() -> None:
    document = (
        HEAD
        + """
steps: [{id: ask, type: llm, model: "fake:a", fallback: "fake:b", prompt: Write}]
outputs: {}
"""
    )
    models = FakeModel({"fake:a": StepError("it is gone", code="unknown_model"), "fake:b": "Fine."})
    found = detail(run_locally(document, ports=fake_ports(models=models)), "ask")
    assert found.usage["fell_back"]["model"] == "fake:a"
    assert "asked instead of fake:a: it is gone" in step_text(found)


def test_an_answer_that_was_cut_off_is_shown_with_why_it_stopped_and_what_was_asked_for_next() -> None:
    document = (
        HEAD
        + """
steps: [{id: ask, type: llm, model: MODEL, connection: one, prompt: Write, on_cut_off: continue}]
outputs: {}
"""
    )
    done = _asked(ModelServer("openai"), cut_off("It was a dark "), says("and stormy night."), document=document)
    cut, rest = detail(done, "ask").exchanges
    assert (cut["answer"], cut["stop"]) == ({"text": "It was a dark "}, "length")
    assert "cut off" in rest["request"][0]["text"]
    failed = _asked(ModelServer("openai"), cut_off("It was"), document=document.replace("continue", "fail"))
    found = detail(failed, "ask")
    assert found.error is not None
    assert found.error["code"] == "answer_cut_off"
    assert found.exchanges[0]["answer"] == {"text": "It was"}


# --- attempts and totals --------------------------------------------------------------------------------------------

ONE = (
    HEAD
    + """
steps: [{id: ask, type: llm, model: "fake:m", prompt: Write, retry: {attempts: 3, delay_seconds: 7}}]
outputs: {}
"""
)


def _with(reply: Callable[[Any], Any]) -> Ports:
    usage = {"requests": 1, "input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 60, "usd": 0.25}
    return fake_ports(models=FakeModel(reply, usage=usage))


def test_attempts_say_when_they_ended_how_and_why_there_was_another() -> None:
    problems = iter([TransientError("busy", reason="server_error"), TransientError("slow", reason="timeout"), "ok"])
    done = run_locally(ONE, ports=_with(lambda request: next(problems)))
    first, second, third = detail(done, "ask").attempts
    assert [each["attempt"] for each in (first, second, third)] == [1, 2, 3]
    assert (first["outcome"], first["error"], first["delay_seconds"]) == (
        "retried",
        {"code": "server_error", "message": "busy"},
        7,
    )
    assert second["error"]["code"] == "timeout"
    assert third["outcome"] == "completed"
    assert first["ended_at"] <= second["ended_at"] <= third["ended_at"]


def test_totals_add_up_what_the_steps_have_cost() -> None:
    done = run_locally(ONE, ports=_with(lambda request: "ok"))
    found = totals(done.outcomes.values())
    assert {name: found[name] for name in ("steps", "attempts", "requests", "usd", "unpriced_steps")} == {
        "steps": 1,
        "attempts": 1,
        "requests": 1,
        "usd": 0.25,
        "unpriced_steps": 0,
    }
    assert (found["input_tokens"], found["cache_read_tokens"], found["output_tokens"]) == (100, 60, 20)
    unknown = run_locally(ONE, ports=fake_ports(models=FakeModel("ok", usage={"requests": 1, "usd": None})))
    assert totals(unknown.outcomes.values())["unpriced_steps"] == 1
    assert totals([])["steps"] == 0


def test_a_search_of_the_web_is_shown_with_its_query_and_its_cost() -> None:
    document = (
        HEAD
        + """
steps:
  - {id: found, type: search, model: "openai:gpt-5.1", connection: one, query: "Is tea hot?", system: Be brief.}
outputs: {}
"""
    )
    replies = (searched("Tea is hot.", ("https://tea.example/", "Tea"), query="tea temperature"),)
    done = _asked(ModelServer("openai"), *replies, document=document)
    found = detail(done, "found")
    (exchange,) = found.exchanges
    assert exchange["request"][-1] == {"role": "user", "text": "Is tea hot?"}
    (call,) = exchange["answer"]["tool_calls"]
    assert (call["tool"], call["arguments"]["query"]) == ("web_search", "tea temperature")
    assert exchange["answer"]["text"] == "Tea is hot."
    assert exchange["usd"] == found.usage["usd"] > 0.01
    assert (found.usage["searches"], "tea temperature" in step_text(found)) == (1, True)


def test_requests_for_vectors_are_shown_with_their_cost_and_without_the_numbers() -> None:
    document = (
        HEAD
        + """
steps:
  - {id: vectors, type: embed, model: "openai:text-embedding-3-small", connection: one, texts: [tea, cup, pot]}
outputs: {n: "{{ steps.vectors.output.embeddings | length }}"}
"""
    )
    with ModelServer("openai") as server:
        server.will(embeds())
        connections = FakeConnections({"one": server.connection})
        ports = replace(fake_ports(connections=connections), embeddings=NamedEmbeddings())
        done = run_locally(document, ports=ports)
    assert done.outputs == {"n": 3}, done.error
    found = detail(done, "vectors")
    (exchange,) = found.exchanges
    assert exchange["answer"]["text"].startswith("3 vectors of ")
    assert exchange["tokens"]["input_tokens"] == found.usage["input_tokens"]
    assert exchange["usd"] == pytest.approx(found.usage["usd"])
    assert found.fields["texts"] == ["tea", "cup", "pot"]
