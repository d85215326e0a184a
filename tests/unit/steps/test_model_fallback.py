"""The fallback of a model, against servers that fail in the ways of real ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import ConfigurationError, StepError, Throttled, TransientError
from flowbuilder.testing import FakeConnections, FakeMcp, FakeModel, Finished, ModelServer, fake_ports
from flowbuilder.testing.model_servers import BEHAVIOURS
from flowbuilder.testing.model_servers.replies import answers, fails, hangs, says
from review_app.widgets.timeline import sentence

Run = Callable[..., Finished]
FALLS_BACK = (
    "empty",
    "no-reason",
    "unknown-reason",
    "no-choices",
    "html",
    "overloaded",
    "quota",
    "retired",
    "bad-key",
    "too-long",
    "server-error",
    "resets",
)
STAYS = {"cut-off": "answer_cut_off", "filtered": "content_filter", "refusal": "refusal"}


@pytest.fixture
def first() -> Iterator[ModelServer]:
    with ModelServer("openai") as running:
        yield running


@pytest.fixture
def second() -> Iterator[ModelServer]:
    with ModelServer("anthropic") as running:
        yield running


@pytest.fixture
def ask(run: Run, first: ModelServer, second: ModelServer) -> Callable[..., Finished]:
    def asked(model: str = "gpt-4o-mini", **more: Any) -> Finished:
        connections = FakeConnections({"one": first.connection, "two": second.connection})
        step = {"type": "llm", "model": f"openai:{model}", "prompt": "Hello", "connection": "one"}
        fallback = {"fallback": second.wire.model, "fallback_connection": "two"}
        return run({**step, **fallback, **more}, ports=fake_ports(models=NamedModels(), connections=connections))

    return asked


def fell_back(finished: Finished) -> Any:
    return finished.outcomes["s"].usage.get("fell_back")


@pytest.mark.parametrize("model", FALLS_BACK)
def test_a_model_that_cannot_answer_is_replaced_and_the_timeline_says_why(ask: Any, second: Any, model: str) -> None:
    finished = ask(model)
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == {"text": "Some words."}
    assert finished.outcomes["s"].usage["model"] == second.wire.model
    assert fell_back(finished)["model"] == f"openai:{model}"
    (done,) = [event for event in finished.events if event.type == "step_completed"]
    assert f"by the fallback {second.wire.model}: openai:{model}: " in sentence(done)
    assert second.keys == ["sk-test"]


@pytest.mark.parametrize(("model", "code"), STAYS.items())
def test_what_a_model_refuses_or_cuts_off_is_not_asked_of_another(ask: Any, second: Any, model: str, code: str) -> None:
    finished = ask(model)
    assert (finished.status, finished.error["code"], second.asked) == ("failed", code, [])
    assert "fell_back" not in finished.outcomes["s"].usage


def test_every_behaviour_of_the_server_is_decided() -> None:
    assert set(BEHAVIOURS) == {*FALLS_BACK, *STAYS, "rate-limit-in-200", "rate-limit", "hangs"}


def test_a_model_that_hangs_has_its_share_of_the_time(ask: Any, first: ModelServer) -> None:
    first.will(hangs(20))
    ask(timeout_seconds=30, fallback=None, fallback_connection=None, model="quota")  # the libraries are imported
    begun = time.monotonic()
    finished = ask(timeout_seconds=4)
    assert finished.status == "completed", finished.error
    assert 1.9 < time.monotonic() - begun < 4
    assert fell_back(finished)["code"] == "timeout"


def test_the_usage_is_that_of_both(ask: Any) -> None:
    usage = ask("empty").outcomes["s"].usage
    assert (usage["requests"], usage["input_tokens"]) == (3, 360)


def test_when_both_fail_the_usage_and_the_reason_are_kept(ask: Any, second: ModelServer) -> None:
    second.will(fails(400, "no such parameter"))
    finished = ask("empty")
    assert finished.error["code"] == "model"
    assert finished.outcomes["s"].usage["requests"] == 2
    assert fell_back(finished)["code"] == "empty_answer"
    (failed,) = [event for event in finished.events if event.type == "step_failed"]
    assert "the fallback was asked, because openai:empty: " in sentence(failed)


def test_the_failure_that_may_pass_is_the_one_that_is_retried(
    ask: Any, first: ModelServer, second: ModelServer
) -> None:
    first.will(fails(500), says("Here."))
    second.will(fails(401))
    finished = ask(retry={"attempts": 2, "delay_seconds": 0})
    assert finished.outputs["s"] == {"text": "Here."}


def test_the_budget_is_for_both(ask: Any, second: ModelServer) -> None:
    finished = ask("empty", budget={"output_tokens": 70})
    assert finished.status == "completed"
    assert [asked["max_tokens"] for asked in second.asked] == [10]
    finished = ask("empty", budget={"output_tokens": 60})
    assert (finished.status, len(second.asked)) == ("failed", 1)


@pytest.mark.parametrize(
    ("problem", "asked"),
    [
        (TransientError("down", reason="server_error"), 2),
        (Throttled("refused", retry_after=1, refused=True), 2),
        (ConfigurationError("no key"), 2),
        (StepError("gone", code="unknown_model"), 2),
        (StepError("no", code="model"), 1),
        (StepError("wrong", code="invalid_answer"), 1),
        (StepError("spent", code="budget"), 1),
        (StepError("what price", code="unknown_price"), 1),
    ],
)
def test_which_failures_are_a_reason(run: Run, problem: Exception, asked: int) -> None:
    model = FakeModel({"openai:a": problem, "openai:b": "fine"})
    run({"type": "llm", "model": "openai:a", "fallback": "openai:b", "prompt": "x"}, ports=fake_ports(models=model))
    assert len(model.requests) == asked


@pytest.mark.parametrize(("reads_only", "status"), [(True, "completed"), (False, "failed")])
def test_a_model_that_called_a_tool_that_may_write_is_not_replaced(
    run: Run, first: ModelServer, second: ModelServer, reads_only: bool, status: str
) -> None:
    sent: list[Any] = []
    mcp = FakeMcp({"mail": {"send": lambda arguments: sent.append(arguments) or "sent"}})
    first.will(answers({"to": "ana"}), fails(500))
    connections = FakeConnections({"one": first.connection, "two": second.connection})
    step = {"type": "mcp_llm", "model": "openai:gpt-4o-mini", "prompt": "Hello", "connection": "one"}
    fallback = {"fallback": second.wire.model, "fallback_connection": "two"}
    tools = [{"server": "mail", "tool": "send", "reads_only": reads_only}]
    ports = fake_ports(models=NamedModels(), connections=connections, mcp=mcp)
    finished = run({**step, **fallback, "tools": tools}, ports=ports)
    assert (finished.status, sent, len(second.asked)) == (status, [{"to": "ana"}], int(reads_only))
