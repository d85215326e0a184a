"""Tools that a model calls: a call that may write is made once, also when the worker is killed in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import StepError, Throttled, TransientError
from flowbuilder.model.review import Decision, DecisionKind
from flowbuilder.ports import McpAnswer
from flowbuilder.steps.step import ExecutionInfo, StepRun
from flowbuilder.steps.tool_calls import InDoubt, call_once
from flowbuilder.steps.write_once import repeat_question
from flowbuilder.testing import FakeClock, FakeConnections, FakeMcp, Finished, MemoryJournal, fake_ports
from flowbuilder.testing.model_servers import ModelServer
from flowbuilder.testing.model_servers.replies import answers, says

Run = Callable[..., Finished]
REQUEST = {"server": "mail", "tool": "send", "arguments": {"to": "ana"}}


def run_of(journal: MemoryJournal, **more: Any) -> StepRun:
    info = ExecutionInfo(id="run", workflow="w", version=1, started_at="2026-01-05T00:00:00+00:00")
    return StepRun(path="ask", execution=info, site={}, ports=replace(fake_ports(), journal=journal), **more)


class Tool:
    """Counts its calls, and raises `problem` if there is one."""

    def __init__(self, problem: BaseException | None = None) -> None:
        self.calls, self.problem = 0, problem

    async def __call__(self) -> str:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        return f"sent {self.calls}"


def call(run: StepRun, tool: Callable[[], Awaitable[str]]) -> Awaitable[str]:
    return call_once(run, REQUEST, tool, target="mail: send")


def decided(kind: DecisionKind, request: dict[str, Any] = REQUEST) -> Decision:
    shown = repeat_question("mail: send", request, fake_ports().secrets).content_hash()
    return Decision(kind=kind, by="ana", at=FakeClock().now(), shown_hash=shown)


async def killed(journal: MemoryJournal, tool: Tool, **more: Any) -> None:
    """A run that ends in the call, as when its process is killed."""
    before, tool.problem = tool.problem, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        await call(run_of(journal, **more), tool)
    tool.problem = before


async def test_a_repeated_run_gets_the_recorded_answers() -> None:
    journal, tool = MemoryJournal(), Tool()
    first = [await call(run := run_of(journal), tool), await call(run, tool)]
    again = run_of(journal.again())
    assert [await call(again, tool), await call(again, tool)] == first == ["sent 1", "sent 2"]
    assert tool.calls == 2


@pytest.mark.parametrize("asked", [0, 1])
async def test_a_call_that_was_begun_is_not_repeated(asked: int) -> None:
    journal, tool = MemoryJournal(), Tool()
    await killed(journal, tool)
    for _ in range(2):
        with pytest.raises(InDoubt, match=r"mail: send was called.*It was not called again"):
            await call(run_of(journal.again(), asked=asked), tool)
    assert tool.calls == 1


async def test_an_approval_authorises_one_further_call() -> None:
    journal, tool = MemoryJournal(), Tool()
    await killed(journal, tool)
    approved = {"decision": decided("approved"), "asked": 1}
    await killed(journal := journal.again(), tool, **approved)
    with pytest.raises(InDoubt):
        await call(run_of(journal := journal.again(), **approved), tool)
    assert tool.calls == 2
    assert await call(run_of(journal.again(), decision=decided("approved"), asked=2), tool) == "sent 3"
    assert await call(run_of(journal.again()), tool) == "sent 3"


@pytest.mark.parametrize(
    "decision",
    [decided("rejected"), decided("expired"), decided("approved", {**REQUEST, "arguments": {"to": "bob"}})],
    ids=["rejected", "expired", "of another call"],
)
async def test_another_decision_authorises_none(decision: Decision) -> None:
    journal, tool = MemoryJournal(), Tool()
    await killed(journal, tool)
    with pytest.raises(InDoubt):
        await call(run_of(journal.again(), decision=decision, asked=1), tool)
    assert tool.calls == 1


@pytest.mark.parametrize(
    "problem",
    [
        StepError("no such field", code="schema_mismatch", definitive=True),
        TransientError("slow down", reason="rate_limit"),
        Throttled("our own limit", retry_after=1.0),
    ],
    ids=["refused arguments", "a 429", "our own limit"],
)
async def test_a_call_that_was_certainly_not_made_is_made_later(problem: StepError) -> None:
    journal, tool = MemoryJournal(), Tool(problem)
    for _ in range(3):
        with pytest.raises(StepError) as caught:
            await call(run_of(journal := journal.again()), tool)
        assert caught.value is problem
    tool.problem = None
    for _ in range(2):
        assert await call(run_of(journal.again()), tool) == "sent 4"


async def test_a_failure_that_the_tool_reports_is_its_answer() -> None:
    journal, tool = MemoryJournal(), Tool(StepError("no such mailbox", code="mcp_tool"))
    for _ in range(2):
        with pytest.raises(StepError, match="no such mailbox") as caught:
            await call(run_of(journal := journal.again()), tool)
        assert caught.value.code == "mcp_tool"
    assert tool.calls == 1


@pytest.mark.parametrize("code", ["mcp_ended", "mcp_failed", "mcp_protocol", "too_large"])
async def test_a_server_that_ends_in_the_call_leaves_it_in_doubt(code: str) -> None:
    tool = Tool(StepError("it exited with code 7", code=code))
    with pytest.raises(InDoubt, match="it exited with code 7"):
        await call(run_of(MemoryJournal()), tool)


async def test_a_timeout_is_retried_by_asking() -> None:
    journal, tool = MemoryJournal(), Tool(TransientError("no answer", reason="timeout"))
    with pytest.raises(TransientError):
        await call(run_of(journal), tool)
    with pytest.raises(InDoubt):
        await call(run_of(journal.again()), tool)
    assert tool.calls == 1


def conversation(server: ModelServer, run: Run, tool: Any, reads_only: bool = False, **more: Any) -> Finished:
    """A model that calls `send` of the server `mail`, then answers."""
    server.will(answers({"to": "ana"}), says("Done."))
    ports = fake_ports(
        models=NamedModels(),
        connections=FakeConnections({"m": server.connection}),
        mcp=FakeMcp({"mail": {"send": tool}}),
    )
    tools = [{"server": "mail", "tool": "send", "reads_only": reads_only}]
    step = {"type": "mcp_llm", "model": server.wire.model, "connection": "m", "prompt": "Hello", "tools": tools}
    return run(step, ports=ports, **more)


@pytest.fixture(params=["openai", "ollama", "anthropic", "google"])
def server(request: pytest.FixtureRequest) -> Any:
    with ModelServer(request.param) as running:
        yield running


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_a_person_is_asked_about_a_call_in_doubt(server: ModelServer, run: Run, answer: str) -> None:
    made: list[Any] = []

    def send(arguments: Any) -> str:
        made.append(arguments)
        if len(made) == 1:
            raise StepError("MCP server mail exited with code 7 during the call", code="mcp_ended")
        return "sent"

    waiting = conversation(server, run, send)
    [review] = waiting.waiting
    assert (review.request.title, review.request.proposal) == (
        "Send again? mail: send was called and no answer came back",
        {"server": "mail", "tool": "send", "arguments": {"to": "ana"}},
    )
    made.clear()
    asked = len(server.asked)
    finished = conversation(server, run, send, decide={"s": answer})
    if answer == "approve":
        assert (finished.status, finished.outputs, len(made)) == ("completed", {"s": {"text": "Done."}}, 2)
        assert len(server.asked) == asked + 2, "the recorded answer of the model is not bought again"
    else:
        assert (finished.status, len(made)) == ("failed", 1)
        assert finished.error is not None
        assert finished.error["code"] == "effect_unknown"
        assert "exited with code 7" in finished.error["message"] or "no answer" in finished.error["message"]


def test_a_tool_that_only_reads_is_called_again(run: Run) -> None:
    made: list[Any] = []

    def look(arguments: Any) -> str:
        made.append(arguments)
        if len(made) == 1:
            raise TransientError("no answer", reason="timeout")
        return "found"

    with ModelServer("openai") as server:
        finished = conversation(
            server, lambda step, **more: run({**step, "retry": {"attempts": 2}}, **more), look, reads_only=True
        )
    assert (finished.status, len(made)) == ("completed", 2)


def test_an_answer_that_cannot_be_used_is_said_to_the_model_and_not_asked_for_again(run: Run) -> None:
    made: list[Any] = []

    def send(arguments: Any) -> McpAnswer:
        made.append(arguments)
        return McpAnswer(
            content=({"type": "text", "text": "sent"},), problem=StepError("total is missing", code="schema_mismatch")
        )

    with ModelServer("openai") as server:
        finished = conversation(server, run, send)
        assert (finished.status, len(made)) == ("completed", 1)
        told = server.wire.texts(server.asked[-1])
    assert "the tool was called, and its answer cannot be used: total is missing" in told


async def test_calls_at_once_are_counted_one_by_one() -> None:
    journal, tool = MemoryJournal(), Tool()
    run = run_of(journal)
    found = await asyncio.gather(call(run, tool), call(run, tool))
    assert sorted(found) == ["sent 1", "sent 2"]
