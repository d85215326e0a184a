"""Provenance is checked while an execution runs: the linter is blinded here, and what is not approved is not sent."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.errors import StepError
from flowbuilder.language import Shape
from flowbuilder.steps.builtin.cms import CmsStep
from flowbuilder.testing import FakeHttp, FakeMcp, FakeModel, Finished, MemoryCms, fake_ports, run_locally
from flowbuilder.testing.fakes.http import respond
from flowbuilder.walk.commands import Unproven

MARK = "PWNED-by-an-outsider"
A, B = "https://my.example/a", "https://my.example/b"
PAGE = (
    f"<html><head><title>{MARK}</title></head><body><article><h1>{MARK}</h1><p>{MARK} too</p></article></body></html>"
)
HOSTS = ["my.example", "evil.example", "hook.example"]
Step = dict[str, Any]
GET: Step = {"id": "get", "type": "page", "url": "https://evil.example/page"}
BINARY: Step = {"id": "get", "type": "api", "url": "https://evil.example/image"}
API: Step = {"id": "get", "type": "api", "url": "https://evil.example/api"}


CHANGED = "{{ steps.review.output.approved | lower }}{{ steps.get.output.title }}"


def publish(body: str, **more: Any) -> Step:
    return {"id": "pub", "type": "cms", "operation": "update", "url": A, "body": body, **more}


def post(value: Any) -> Step:
    return {"id": "pub", "type": "api", "method": "POST", "url": "https://hook.example/in", "json": value}


def write(**fields: Any) -> Step:
    return {"id": "pub", "type": "api", "method": "POST", "url": "https://hook.example/in", **fields}


def review(proposal: Any, **more: Any) -> Step:
    return {"id": "review", "type": "human_review", "title": "Look", "proposal": proposal, **more}


def run(
    *steps: Step, api: Any = None, decide: Any = None, called: Any = (), inputs: Any = None
) -> tuple[Finished, str]:
    """The execution, and all that was sent."""
    http = FakeHttp()
    http.on("https://evil.example/api", {"t": MARK, "n": 3, "kind": "news"} if api is None else api)
    http.on("https://evil.example/page", PAGE)
    http.on("https://evil.example/image", respond(b"\x00" + MARK.encode(), headers={"content-type": "image/png"}))
    http.on("https://evil.example/refused", respond({"errors": [MARK]}, status=422))
    http.on("POST https://hook.example/in", {"ok": True})
    cms = MemoryCms({A: "old", B: "old", f"https://my.example/{MARK}": "old"})
    tools = {"fails": StepError(MARK, code="mcp_tool"), "answers": MARK}
    ports = fake_ports(
        http=http, cms=cms, mcp=FakeMcp({"server": tools}), models=FakeModel([{"score": 1, "text": f"About {MARK}"}])
    )
    document = {"schema": "flowbuilder/v1", "name": "w", "hosts": HOSTS, "steps": list(steps)}
    if inputs is not None:
        document["inputs"] = {name: {} for name in inputs}
    finished = run_locally(document, inputs, ports=ports, decide=decide, called=called)
    sent = [repr(write) for write in cms.writes]
    sent += [repr(request) for request in http.requests if request.method not in ("GET", "HEAD")]
    return finished, "\n".join(sent)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linter finds every text clean."""
    monkeypatch.setattr(Shape, "trust", property(lambda _: None))


OPEN = {"type": "object", "properties": {"n": {"type": "number"}}}
CALLED = {"schema": "flowbuilder/v1", "name": "part", "inputs": {"given": {}}, "steps": [
    {"id": "inner", "type": "cms", "operation": "update", "url": A, "body": "{{ inputs.given }}"}]}  # fmt: skip
RETURNS = {"schema": "flowbuilder/v1", "name": "part", "steps": [GET], "outputs": {"t": "{{ steps.get.output.title }}"}}
FAILS = {"schema": "flowbuilder/v1", "name": "part", "steps": [
    {"id": "tool", "type": "mcp", "server": "server", "tool": "fails"}]}  # fmt: skip
SENDS: dict[str, tuple[Step, ...]] = {
    "a page": (GET, publish("{{ steps.get.output.title }}")),
    "a list with a default": (GET, publish("{{ steps.get.output.headings | default([]) | map('text') | join }}")),
    "a variable": (GET, publish("{% set x = [] %}{% set x = x + [steps.get.output.title] %}{{ x | join }}")),
    "an open object": ({**API, "response_schema": OPEN}, post("{{ steps.get.output.body }}")),
    "a key": (API, publish("{{ steps.get.output.body | json }}")),
    "a program": (
        GET,
        {"id": "c", "type": "code", "source": "[t]", "with": {"t": "{{ steps.get.output.title }}"}},
        publish("{{ steps.c.output[0] }}"),
    ),
    "a model": (
        GET,
        {"id": "draft", "type": "llm", "model": "fake:one", "prompt": "{{ steps.get.output.title }}",
         "output_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
        publish("{{ steps.draft.output.text }}"),
    ),
    "an error": (
        {"id": "tool", "type": "mcp", "server": "server", "tool": "fails", "on_error": "continue"},
        publish("{{ steps.tool.error.message }}"),
    ),
    "the reason that a server gives": (
        {"id": "no", "type": "api", "url": "https://evil.example/refused", "on_error": "continue"},
        publish("{{ steps.no.error.detail.reason }}"),
    ),
    "the body of a refusal": (
        {"id": "no", "type": "api", "url": "https://evil.example/refused", "on_error": "continue"},
        post("{{ steps.no.error.detail.body }}"),
    ),
    "an error of an item's output": (
        GET,
        {"id": "each", "type": "iteration", "over": "steps.get.output.headings", "as": "h", "on_item_error": "continue",
         "steps": [{"id": "c", "type": "code", "source": "1"}], "output": "{{ h.text | int }}"},
        publish("{{ steps.each.output['items'][0].error.message }}"),
    ),
    "an error in a branch": (
        {"id": "b", "type": "conditional", "on_error": "continue", "branches": [
            {"when": "true", "steps": [{"id": "tool", "type": "mcp", "server": "server", "tool": "fails"}]}]},
        publish("{{ steps.b.error.message }}"),
    ),
    "an error of a template": (
        GET,
        {"id": "c", "type": "code", "source": "1", "with": {"n": "{{ steps.get.output.title | int }}"},
         "on_error": "continue"},
        publish("{{ steps.c.error.message }}"),
    ),
    "an error in a called workflow": (
        {"id": "call", "type": "workflow", "name": "part", "on_error": "continue"},
        publish("{{ steps.call.error.message }}"),
    ),
    "an item": (
        GET,
        {"id": "each", "type": "iteration", "over": "steps.get.output.headings", "as": "heading",
         "steps": [publish("{{ heading.text }}")]},
    ),
    "the outputs of an iteration": (
        GET,
        {"id": "each", "type": "iteration", "over": "['x', 'y']", "steps": [
            {"id": "c", "type": "code", "source": "t", "with": {"t": "{{ steps.get.output.title }}"}}]},
        publish("{{ steps.each.output.outputs[1] }}"),
    ),
    "the key of an item": (
        GET,
        {"id": "each", "type": "iteration", "over": "steps.get.output.headings", "as": "h", "key": "h.text",
         "steps": [{"id": "c", "type": "code", "source": "1"}]},
        publish("{{ steps.each.output['items'][0].key }}"),
    ),
    "the error of an item": (
        {"id": "each", "type": "iteration", "over": "['x']", "on_item_error": "continue", "steps": [
            {"id": "tool", "type": "mcp", "server": "server", "tool": "fails"}]},
        publish("{{ steps.each.output['items'][0].error.message }}"),
    ),
    "the output of a branch": (
        GET,
        {"id": "b", "type": "conditional", "branches": [
            {"when": "true", "steps": [{"id": "c", "type": "code", "source": "1"}],
             "output": {"mine": "x", "t": "{{ steps.get.output.title }}"}}],
         "else": {"steps": [], "output": {"mine": "y", "t": "none"}}},
        publish("{{ steps.b.output.t }}"),
    ),
    "the URL": (GET, {"id": "pub", "type": "cms", "operation": "create", "body": "hello",
                      "url": "https://my.example/{{ steps.get.output.title }}"}),
    "the URL of a request": (GET, {"id": "pub", "type": "api", "method": "POST", "json": {"a": 1},
                                   "url": "https://hook.example/in?q={{ steps.get.output.title }}"}),
    "the URL of a page that was read": (
        GET,
        {"id": "now", "type": "cms", "operation": "read", "url": "https://my.example/{{ steps.get.output.title }}"},
        publish("see {{ steps.now.output.url }}"),
    ),
    "a header": (GET, post({"a": 1}) | {"headers": {"x-title": "{{ steps.get.output.title }}"}}),
    "a raw text": (GET, write(body="{{ steps.get.output.title }}")),
    "the bytes of an answer": (BINARY, write(body="{{ steps.get.output.body }}")),
    "the bytes of an answer, put together again": (
        BINARY, write(body={"base64": "{{ steps.get.output.body.base64 }}", "content_type": "image/png"}),
    ),
    "a field of a form": (GET, write(multipart={"a": ["x", "{{ steps.get.output.title }}"]})),
    "a file of a form": (BINARY, write(multipart={"a": "x", "f": "{{ steps.get.output.body }}"})),
    "the content of a file": (GET, write(multipart={"f": {"content": "{{ steps.get.output.title }}"}})),
    "the name of a file": (GET, write(multipart={"f": {"content": "x", "filename": "{{ steps.get.output.title }}"}})),
    "the type of a file": (
        API, write(multipart={"f": {"content": "x", "filename": "x", "content_type": "{{ steps.get.output.body.t }}"}}),
    ),
    "the proposal and not the approved text": (
        GET, review("{{ steps.get.output.title }}"), publish("{{ steps.get.output.title }}!", depends_on=["review"]),
    ),
    "the approved text, changed": (
        GET, review("{{ steps.get.output.title }}"), publish(CHANGED),
    ),
    "text that another review approved": (
        GET,
        {"id": "other", "type": "human_review", "title": "Other",
         "proposal": "{{ steps.get.output.headings[0].text }}"},
        publish("{{ steps.get.output.title }}", depends_on=["other"]),
    ),
    "what a called workflow is given": (
        GET, {"id": "call", "type": "workflow", "name": "part", "with": {"given": "{{ steps.get.output.title }}"}},
    ),
    "what a called workflow returns": (
        {"id": "call", "type": "workflow", "name": "part"}, publish("{{ steps.call.output.t }}"),
    ),
}  # fmt: skip
CALLS = {
    "an error in a called workflow": FAILS,
    "what a called workflow is given": CALLED,
    "what a called workflow returns": RETURNS,
}


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("name", SENDS)
def test_untrusted_text_is_not_sent_even_where_the_linter_finds_none(name: str) -> None:
    called = (CALLS[name],) if name in CALLS else ()
    finished, sent = run(*SENDS[name], decide=lambda _: "approve", called=called)
    assert MARK not in sent
    assert MARK.lower() not in sent
    assert finished.error is not None
    assert finished.error["code"] in ("not_approved", "item_failed"), finished.error
    assert "no reviewer has approved" in str(finished.error["message"])


def test_the_error_says_how_the_text_came_there(blind: None) -> None:
    finished, _ = run(*SENDS["a program"])
    assert finished.error is not None
    assert "body <- c <- get (web page)" in str(finished.error["message"])


PROPOSED = {"title": "{{ steps.get.output.title }}", "parts": ["{{ steps.get.output.title }} 1", "2"]}
ALLOWED: dict[str, tuple[Step, ...]] = {
    "what was approved": (GET, review("{{ steps.get.output.title }}"), publish("{{ steps.review.output.approved }}")),
    "a part of what was approved": (GET, review(PROPOSED), publish("{{ steps.review.output.approved.parts[0] }}")),
    "approved, and passed on by a branch": (
        GET, review("{{ steps.get.output.title }}"),
        {"id": "b", "type": "conditional", "branches": [
            {"when": "true", "steps": [{"id": "c", "type": "code", "source": "1"}],
             "output": "{{ steps.review.output.approved }}"}]},
        publish("{{ steps.b.output }}"),
    ),
    "numbers": (GET, API | {"id": "nums"}, publish(
        "{{ steps.nums.output.status }}: {{ steps.get.output.headings | length }} headings, "
        "{% for h in steps.get.output.headings %}{{ h.level }}{% endfor %}"
    )),
    "a word of a closed list": (
        API | {"response_schema": {"type": "object", "properties": {"kind": {"enum": ["news", "blog"]}}}},
        publish("{{ steps.get.output.body.kind }}"),
    ),
    "a choice of the author's texts": (GET, publish("{{ 'long' if steps.get.output.title == 'x' else 'short' }}")),
    "a source that is trusted": (
        GET, publish("{{ steps.get.output.title }}", trust={"source": "get", "reason": "ours", "by": "Ana"}),
    ),
    "a step on the way that is trusted": (
        GET, {"id": "c", "type": "code", "source": "t", "with": {"t": "{{ steps.get.output.title }}"}},
        publish("{{ steps.c.output }}", trust={"source": "c", "reason": "ours", "by": "Ana"}),
    ),
    "the URL that the reviewer was shown": (
        API, review("{{ steps.get.output.body.t }}"),
        publish("{{ steps.review.output.approved }}", url="{{ steps.get.output.body.url }}"),
    ),
    "bytes that were approved": (
        BINARY, review("{{ steps.get.output.body }}"), write(body="{{ steps.review.output.approved }}"),
    ),
    "a form whose parts were approved": (
        BINARY, GET | {"id": "page"}, review(["{{ steps.get.output.body }}", "{{ steps.page.output.title }}"]),
        write(multipart={"f": {"content": "{{ steps.review.output.approved[0] }}", "filename": "a.png"},
                         "t": "{{ steps.review.output.approved[1] }}"}),
    ),
    "items that were approved one by one": (
        GET,
        {"id": "each", "type": "iteration", "over": "steps.get.output.headings", "as": "h", "steps": [
            review("{{ h.text }}"), publish("{{ steps.review.output.approved }}")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("linter", ["blind", "as it is"])
@pytest.mark.parametrize("name", ALLOWED)
def test_what_was_approved_and_what_is_clean_by_design_is_sent(
    name: str, linter: str, request: pytest.FixtureRequest
) -> None:
    if linter == "blind":
        request.getfixturevalue("blind")
    api = {"t": MARK, "url": B, "kind": "news"}
    finished, sent = run(*ALLOWED[name], api=api, decide=lambda _: "approve")
    assert finished.status == "completed", finished.error
    assert sent


def test_the_reviewer_is_shown_where_the_text_is_published() -> None:
    seen: list[Any] = []
    run(*ALLOWED["the URL that the reviewer was shown"], api={"t": MARK, "url": B},
        decide=lambda opened: seen.append(opened) or "approve")  # fmt: skip
    assert [opened.request.targets for opened in seen] == [(B,)]


def test_inputs_of_the_execution_are_trusted() -> None:
    finished, sent = run(publish("{{ inputs.text }}"), inputs={"text": "by the team"})
    assert finished.status == "completed"
    assert "by the team" in sent


def test_equal_numbers_of_python_are_not_the_same_json() -> None:
    from flowbuilder.engine.effects.approval_guard import ensure_proven

    step = CmsStep.model_validate({"id": "a", "type": "cms", "operation": "update", "url": A, "body": "x"})
    text = Unproven(place=("body",), trail="body <- get (web page)", approved=({"body": ["x"]},))
    ensure_proven(step, [text])
    with pytest.raises(StepError, match="no reviewer has approved"):
        ensure_proven(step, [Unproven(place=("body",), trail="t", approved=("xx", ["y"], {"x": 1}))])
