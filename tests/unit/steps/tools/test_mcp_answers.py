"""Answers of MCP tools: values in texts, resources and images, and what a program in an application wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowbuilder.errors import StepError
from flowbuilder.ports.mcp import McpAnswer
from flowbuilder.testing import FakeMcp, FakeModel, Finished, fake_ports

Run = Callable[..., Finished]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def text(*texts: str) -> McpAnswer:
    return McpAnswer(content=tuple({"type": "text", "text": item} for item in texts))


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (text('{"n": 3}'), {"n": 3}),
        (text(' {"n": 3}\n'), {"n": 3}),
        (McpAnswer(content=text("words").content, structured={"n": 4}), {"n": 4}),
    ],
)
def test_an_output_schema_takes_the_structured_value_or_the_json_of_one_text(
    run: Run, answer: McpAnswer, value: Any
) -> None:
    step = {"type": "mcp", "server": "t", "tool": "x", "output_schema": SCHEMA}
    finished = run(step, ports=fake_ports(mcp=FakeMcp({"t": {"x": answer}})))
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == {"content": list(answer.content), "structured": value}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (text("no JSON"), "its text is no JSON"),
        (text('{"n": 1'), "its text is no JSON"),
        (text("{" * 200_000), "its text is no JSON"),
        (text('{"n": NaN}'), "its text is no JSON"),
        (text('{"n": "x"}'), "the structured answer of x"),
        (text('{"n": 1}', '{"n": 2}'), "not one block of text"),
        (McpAnswer(), "not one block of text"),
        (McpAnswer(content=({"type": "image", "data": "AAAA", "mimeType": "image/png"},)), "not one block of text"),
    ],
)
def test_an_answer_that_does_not_fit_the_schema_is_said(run: Run, answer: McpAnswer, said: str) -> None:
    step = {"type": "mcp", "server": "t", "tool": "x", "output_schema": SCHEMA}
    finished = run(step, ports=fake_ports(mcp=FakeMcp({"t": {"x": answer}})))
    assert finished.error["code"] in ("schema_mismatch", "not_json")
    assert said in finished.error["message"]


def test_without_a_schema_a_text_stays_a_text(run: Run) -> None:
    finished = run(
        {"type": "mcp", "server": "t", "tool": "x"}, ports=fake_ports(mcp=FakeMcp({"t": {"x": text('{"n": 3}')}}))
    )
    assert finished.outputs["s"]["structured"] is None


def test_resources_reach_a_model_as_text_and_other_data_is_said(run: Run) -> None:
    blocks = (
        {"type": "text", "text": "Two files:"},
        {"type": "resource", "resource": {"uri": "file:///a.md", "mimeType": "text/markdown", "text": "# Tea"}},
        {"type": "resource", "resource": {"uri": "file:///b.gz", "mimeType": "application/gzip", "blob": "AAAA"}},
        {"type": "resource_link", "uri": "file:///c.md", "name": "c", "description": "The rest"},
        {"type": "image", "data": "AAAA" * 1000, "mimeType": "image/png"},
    )
    model = FakeModel(["done"])
    ports = fake_ports(models=model, mcp=FakeMcp({"docs": {"read": McpAnswer(content=blocks)}}))
    step = {"type": "mcp_llm", "model": "demo:x", "prompt": "Look.", "context": [{"server": "docs", "tool": "read"}]}
    assert run(step, ports=ports).status == "completed"
    prompt = model.requests[0].prompt
    for line in (
        "Two files:\n[resource file:///a.md]\n# Tea\n",
        "[resource file:///b.gz, application/gzip, 3 bytes: not text, left out]\n",
        "[link to the resource file:///c.md: The rest]\n",
        "[image, image/png, 3,000 bytes: left out]\n</material-",
    ):
        assert line in prompt
    assert "AAAAAAAA" not in prompt


def test_a_long_answer_is_cut_and_that_is_said(run: Run) -> None:
    model = FakeModel(["done"])
    ports = fake_ports(models=model, mcp=FakeMcp({"docs": {"read": "x" * 61_000}}))
    step = {"type": "mcp_llm", "model": "demo:x", "prompt": "Look.", "context": [{"server": "docs", "tool": "read"}]}
    assert run(step, ports=ports).status == "completed"
    assert "x\n[1,000 more characters left out]\n</material-" in model.requests[0].prompt


@pytest.mark.parametrize(
    ("source", "result", "stdout", "output"),
    [
        ("1 + 1", 2, "", 2),
        ("sum(\n  arguments\n)", "3", "", 3),
        ("Enum.sum(arguments) |> dbg", "3", "", 3),
        ("x = 1\nprint(x)\nresult = x + 1", 2, "1\n", {"value": 2, "stdout": "1\n"}),
        ("x = 1\nprint(x)", "Code executed successfully", "1\n", {"value": None, "stdout": "1\n"}),
        ("x = 1; y = 2", "Code executed successfully", "", {"value": None, "stdout": ""}),
        ("x = 1\nx |> dbg", "1", None, {"value": 1, "stdout": ""}),
    ],
)
def test_a_program_of_several_statements_gives_its_value_and_what_it_wrote(
    run: Run, source: str, result: Any, stdout: Any, output: Any
) -> None:
    said = json.dumps({"result": result, "success": True, "stdout": stdout, "stderr": ""})
    finished = run(
        {"type": "mcp_code", "server": "app", "source": source},
        ports=fake_ports(mcp=FakeMcp({"app": {"project_eval": said}})),
    )
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == output


@pytest.mark.parametrize(
    ("answer", "schema", "said"),
    [
        (text("sent"), SCHEMA, "its text is no JSON"),
        (text('{"n": "x"}'), SCHEMA, "the structured answer of x"),
        (McpAnswer(problem=StepError("the answer is too large", code="too_large")), None, "the answer is too large"),
    ],
)
def test_a_write_whose_answer_cannot_be_used_was_made_and_is_not_repeated(
    run: Run, answer: McpAnswer, schema: Any, said: str
) -> None:
    mcp = FakeMcp({"t": {"x": answer}})
    step = {"type": "mcp", "server": "t", "tool": "x", "effect": {}, "output_schema": schema}
    finished = run(step, ports=fake_ports(mcp=mcp))
    assert finished.error is not None
    assert said in finished.error["message"]
    [effect] = finished.store.effects(finished.execution.id)
    assert (effect.status, len(mcp.calls)) == ("done", 1)
    assert effect.receipt is not None
    assert effect.receipt["content"] == list(answer.content)
    read = run({**step, "effect": None}, ports=fake_ports(mcp=FakeMcp({"t": {"x": answer}})))
    assert read.error is not None
    assert read.error["message"] == finished.error["message"]


def test_a_program_whose_value_has_a_long_integer_has_its_receipt(run: Run) -> None:
    answer = text(json.dumps({"success": True, "result": str(2**64), "stdout": ""}))
    step = {"type": "mcp_code", "server": "app", "source": "2**64"}
    finished = run(step, ports=fake_ports(mcp=FakeMcp({"app": {"project_eval": answer}})))
    assert (finished.status, finished.outputs) == ("completed", {"s": str(2**64)})


@pytest.mark.parametrize(
    ("value", "said"), [("NaN", "the value is not a finite number"), ("[" * 80 + "]" * 80, "deeper than 64")]
)
def test_a_program_whose_value_cannot_be_stored_has_run_and_is_not_asked_about(run: Run, value: str, said: str) -> None:
    answer = text(f'{{"success": true, "result": {value}, "stdout": ""}}')
    mcp = FakeMcp({"app": {"project_eval": answer}})
    finished = run({"type": "mcp_code", "server": "app", "source": "x"}, ports=fake_ports(mcp=mcp))
    assert finished.error is not None
    assert (finished.error["code"], said in finished.error["message"]) == ("not_json", True)
    [effect] = finished.store.effects(finished.execution.id)
    assert (effect.status, effect.receipt and effect.receipt["value"], len(mcp.calls)) == ("done", answer.text, 1)


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ('project_eval: {"success":false,"result":"Error: no","stdout":""}', "code_failed", "Error: no"),
        ("project_eval: the worker is gone", "mcp_tool", "project_eval: the worker is gone"),
        ('project_eval: {"success":true}', "mcp_tool", 'project_eval: {"success":true}'),
    ],
)
def test_code_that_raises_is_told_from_a_tool_that_fails(run: Run, said: str, code: str, message: str) -> None:
    mcp = FakeMcp({"app": {"project_eval": StepError(said, code="mcp_tool")}})
    finished = run({"type": "mcp_code", "server": "app", "source": "throw new Error('no')"}, ports=fake_ports(mcp=mcp))
    assert finished.error is not None
    assert (finished.error["code"], finished.error["message"]) == (code, message)
