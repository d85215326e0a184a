"""Beside what is published, the worker guards what a privileged tool is given and told, the prompt of a model that may
call tools that write, and the key of a write. The linter is blinded here."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.language import Shape
from flowbuilder.ports import ModelRequest
from flowbuilder.steps.step import Step
from flowbuilder.testing import FakeHttp, FakeMcp, FakeModel, Finished, fake_ports, run_locally

MARK = "PWNED-by-an-outsider"
PAGE = f"<html><head><title>{MARK}</title></head><body><p>{MARK} and more</p></body></html>"
GET = {"id": "get", "type": "page", "url": "https://evil.example/page"}
TITLE = "{{ steps.get.output.title }}"
WRITES = [{"server": "docs", "tool": "write"}]
READS = [{"server": "docs", "tool": "read", "reads_only": True}]
REVIEW = {"id": "review", "type": "human_review", "title": "Look", "proposal": TITLE}
APPROVED = "{{ steps.review.output.approved }}"


def agent(**fields: Any) -> dict[str, Any]:
    return {"id": "ask", "type": "mcp_llm", "model": "fake:one", "prompt": "Answer", "tools": WRITES, **fields}


def program(**fields: Any) -> dict[str, Any]:
    return {"id": "ask", "type": "mcp_code", "server": "app", "source": "f(*arguments)", **fields}


def post(**fields: Any) -> dict[str, Any]:
    return {"id": "ask", "type": "api", "method": "POST", "url": "https://hook.example/in", "json": 1, **fields}


GUARDED = {
    "a prompt": agent(prompt=f"About {TITLE}"),
    "instructions": agent(system=TITLE),
    "an example": agent(messages=[{"role": "user", "content": TITLE}, {"role": "assistant", "content": "ok"}]),
    "all examples": agent(messages="{{ [{'role': 'user', 'content': steps.get.output.title}, "
                                   "{'role': 'assistant', 'content': 'ok'}] }}"),
    "the words for an image": agent(images=[{"content": None, "alt": TITLE}]),
    "the argument of a tool that is asked for material": agent(
        context=[{"server": "docs", "tool": "read", "arguments": {"deep": [{"q": TITLE}]}}]
    ),
    "the address of a resource": agent(context=[{"server": "docs", "resource": f"docs://{TITLE}"}]),
    "what a program is given": program(**{"with": {"a": {"b": TITLE}}}),
    "a program": program(source=f"print('{TITLE}')"),
    "the key of a write": post(effect={"key": TITLE}),
}  # fmt: skip


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linter finds every text clean, and every step steered by the author alone."""
    monkeypatch.setattr(Shape, "trust", property(lambda _: None))
    monkeypatch.setattr(Step, "steered_by", lambda _: "")
    monkeypatch.setattr("flowbuilder.steps.builtin.mcp_llm.McpLlm.steered_by", lambda _: "")


def run(*steps: dict[str, Any], decide: Any = "approve") -> tuple[Finished, list[Any]]:
    """The execution; what models were told, tools called with and servers sent."""
    done: list[Any] = []

    def answer(request: ModelRequest) -> Any:
        done.append((request.prompt, request.system, request.messages, request.images))
        return "an answer"

    picture = b"\x89PNG\r\n\x1a\n" + MARK.encode()
    http = FakeHttp({"https://evil.example/page": PAGE, "https://evil.example/image": picture})
    http.on("POST https://hook.example/in", {"ok": True})
    tools = {"write": "written", "read": "some material"}
    mcp = FakeMcp({"docs": tools, "app": {"project_eval": "1"}}, resources={"docs": {f"docs://{MARK}": "text"}})
    ports = fake_ports(http=http, mcp=mcp, models=FakeModel(answer))
    document = {
        "schema": "flowbuilder/v1",
        "name": "w",
        "hosts": ["evil.example", "hook.example"],
        "steps": list(steps),
    }
    finished = run_locally(document, ports=ports, decide={"review": decide})
    sent = [request for request in http.requests if request.method != "GET"]
    return finished, [*done, *mcp.calls, *sent]


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("name", GUARDED)
def test_text_of_an_outsider_stops_the_step_before_it_does_anything(name: str) -> None:
    finished, done = run(GET, GUARDED[name])
    assert finished.error is not None, done
    assert finished.error["code"] == "not_approved", finished.error
    assert "get (web page)" in finished.error["message"]
    assert not done


@pytest.mark.usefixtures("blind")
def test_an_image_of_an_outsider_stops_the_model_too() -> None:
    picture = {"id": "get", "type": "api", "url": "https://evil.example/image"}
    finished, done = run(picture, agent(images=[{"content": "{{ steps.get.output.body }}"}]))
    assert finished.error is not None
    assert finished.error["code"] == "not_approved"
    assert not done


@pytest.mark.parametrize(
    "step",
    [
        agent(prompt=APPROVED),
        agent(system=APPROVED),
        program(**{"with": {"a": APPROVED}}),
        post(effect={"key": APPROVED}),
    ],
)
def test_exactly_the_approved_text_may_be_given(step: dict[str, Any]) -> None:
    finished, done = run(GET, REVIEW, step)
    assert finished.status == "completed", finished.error
    assert done


@pytest.mark.usefixtures("blind")
def test_another_text_than_the_approved_one_may_not() -> None:
    finished, done = run(GET, REVIEW, agent(prompt=f"{APPROVED} {TITLE}"))
    assert finished.error is not None
    assert finished.error["code"] == "not_approved"
    assert not done


@pytest.mark.usefixtures("blind")
def test_an_approved_text_is_no_program() -> None:
    finished, done = run(GET, REVIEW, program(source=APPROVED))
    assert finished.error is not None
    assert finished.error["code"] == "not_approved"
    assert not done


@pytest.mark.parametrize(
    "step",
    [
        agent(prompt=f"About {TITLE}", tools=READS),
        agent(prompt="{{ steps.get.output.title | wordcount }} words"),
        program(**{"with": {"a": "{{ steps.get.output.title | length }}"}}),
        post(effect={"key": "page of {{ steps.get.output.title | length }} letters"}),
    ],
)
def test_numbers_and_models_whose_tools_only_read_need_no_approval(step: dict[str, Any]) -> None:
    finished, done = run(GET, step)
    assert finished.status == "completed", finished.error
    assert done


def test_a_waiver_covers_what_a_model_with_tools_is_told() -> None:
    waiver = {"source": "get", "reason": "our own page", "by": "Ana"}
    finished, done = run(GET, agent(prompt=f"About {TITLE}", trust=waiver))
    assert finished.status == "completed", finished.error
    assert done
