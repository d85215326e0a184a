"""Twelve workflows and their reviewers' answers: together they cover every kind of operation of an execution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.model.review import Review
from flowbuilder.model.step_path import StepPath

PAGE = "https://site.example/a"
SITE = {
    "site": "site.example",
    "base_url": "https://site.example",
    "models": {"editor": "demo:"},
    "reviewers": {"editors": ["ana@example.com", "ben@example.com"]},
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A workflow, and how it ends without faults.

    `answers` has the reviewers' answers by the path of the review: arguments of `App.decide`, or None to leave it open.
    `control_requests` has what a person requests (pause, resume, cancel) by the number of the poll of the queue.
    """

    name: str
    steps: list[dict[str, Any]]
    outputs: dict[str, Any]
    status: str = "completed"
    inputs: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    control_requests: dict[int, str] = field(default_factory=dict)
    called: tuple[dict[str, Any], ...] = ()
    failures: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The workflow's document."""
        return {
            "schema": "flowbuilder/v1", "name": self.name, "title": self.name, "steps": self.steps,
            "outputs": self.outputs, "hosts": ["site.example", "service.example"],
            "inputs": {"pages": {"type": "array", "items": {"type": "string"}, "default": []}},
        }  # fmt: skip

    def answer(self, review: Review) -> dict[str, Any] | None:
        """The reviewers' answer to a review."""
        default = {"kind": "approved", "by": "ana@example.com"}
        return self.answers.get(review.path, self.answers.get(StepPath(review.path).step_run, default))


def read(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "api", "url": f"https://service.example/{name}", **more}


def put(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "api", "method": "PUT", "url": f"https://service.example/{name}", **more}


def post(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "api", "method": "POST", "url": f"https://service.example/{name}", **more}


def ask(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "human_review", "title": f"{name}?", "proposal": "new text", **more}


def publish(name: str, body: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "cms", "operation": "update", "url": PAGE, "body": body, **more}


def approved(name: str) -> str:
    return f"{{{{ steps.{name}.output.approved }}}}"


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="straight",
        steps=[read("one"), read("two", depends_on=["one"]), publish("out", "plain", depends_on=["two"])],
        outputs={"revision": "{{ steps.out.output.revision }}", "two": "{{ steps.two.output.body.number }}"},
    ),
    Scenario(
        name="reviewed",
        steps=[read("one"), ask("review", depends_on=["one"]), publish("out", approved("review"))],
        outputs={"hash": "{{ steps.out.output.hash }}", "by": "{{ steps.review.output.reviewer }}"},
    ),
    Scenario(
        name="three-targets",
        steps=[
            put("keyed"),
            publish("lookup", "known", depends_on=["keyed"]),
            post("bare", depends_on=["lookup"]),
        ],
        outputs={"keyed": "{{ steps.keyed.output.body.revision }}", "bare": "{{ steps.bare.output.body.accepted }}"},
    ),
    Scenario(
        name="branches",
        steps=[
            read("one"),
            {
                "id": "route",
                "type": "conditional",
                "branches": [
                    {
                        "when": "steps.one.output.body.number > 100",
                        "steps": [put("never")],
                        "output": "{{ steps.never.output.body }}",
                    },
                    {
                        "when": "steps.one.output.body.number > 1",
                        "steps": [ask("inner"), publish("out", approved("inner"))],
                        "output": "{{ steps.out.output.hash }}",
                    },
                ],
                "else": {"steps": [], "output": None},
            },
        ],
        outputs={"route": "{{ steps.route.output }}"},
    ),
    Scenario(
        name="items",
        inputs={"pages": ["a", "b", "bad", "c"]},
        steps=[
            {
                "id": "each",
                "type": "iteration",
                "over": "inputs.pages",
                "as": "page",
                "key": "page",
                "on_item_error": "continue",
                "max_concurrency": 2,
                "steps": [
                    {
                        "id": "check",
                        "type": "code",
                        "source": "if page == 'bad':\n    raise ValueError('bad')\npage",
                        "with": {"page": "{{ page }}"},
                    },
                    {
                        "id": "save",
                        "type": "api",
                        "method": "PUT",
                        "url": "https://service.example/{{ steps.check.output }}",
                    },
                ],
                "output": "{{ steps.save.output.status }}",
            },
        ],
        outputs={"outputs": "{{ steps.each.output.outputs }}"},
    ),
    Scenario(
        name="reviewed-items",
        inputs={"pages": ["a", "b"]},
        steps=[
            {
                "id": "each",
                "type": "iteration",
                "over": "inputs.pages",
                "as": "page",
                "steps": [
                    ask("review", proposal="text of {{ page }}"),
                    {
                        "id": "save",
                        "type": "api",
                        "method": "PUT",
                        "url": "https://service.example/{{ page }}",
                        "json": approved("review"),
                    },
                ],
                "output": "{{ steps.save.output.status }}",
            },
        ],
        answers={"each[0].review": {"kind": "approved", "by": "ben@example.com", "edited": "mine"}},
        outputs={"outputs": "{{ steps.each.output.outputs }}"},
    ),
    Scenario(
        name="rounds",
        steps=[
            read("draft"),
            ask("review", depends_on=["draft"], on_changes_requested={"rewind_to": "draft", "max_rounds": 2}),
            publish("out", approved("review")),
        ],
        answers={"review": {"kind": "changes_requested", "by": "ana@example.com", "comment": "shorter"}},
        outputs={"rounds": "{{ steps.review.output.rounds }}", "hash": "{{ steps.out.output.hash }}"},
    ),
    Scenario(
        name="busy",
        steps=[
            read("one", retry={"attempts": 3, "backoff": "constant", "on": ["rate_limit"]}),
            put("keyed", depends_on=["one"], retry={"attempts": 2, "backoff": "constant", "on": ["rate_limit"]}),
        ],
        failures={"/one": 2, "/keyed": 1},
        outputs={"keyed": "{{ steps.keyed.output.body.revision }}"},
    ),
    Scenario(
        name="calling",
        steps=[
            {"id": "child", "type": "workflow", "name": "called", "with": {"path": "{{ inputs.pages[0] }}"}},
            {
                "id": "draft",
                "type": "llm",
                "model": "demo:",
                "prompt": "Write.",
                "output_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
                "depends_on": ["child"],
            },
            put("keyed", depends_on=["draft"]),
        ],
        inputs={"pages": ["x"]},
        called=(
            {
                "schema": "flowbuilder/v1",
                "name": "called",
                "title": "Called",
                "hosts": ["service.example"],
                "inputs": {"path": {"type": "string"}},
                "steps": [
                    {"id": "save", "type": "api", "method": "PUT", "url": "https://service.example/{{ inputs.path }}"},
                ],
                "outputs": {"revision": "{{ steps.save.output.body.revision }}"},
            },
        ),
        outputs={"child": "{{ steps.child.output.revision }}", "own": "{{ steps.keyed.output.body.revision }}"},
    ),
    Scenario(
        name="unanswered",
        steps=[ask("review", expires_in="PT1H", on_expire="approved"), publish("out", approved("review"))],
        answers={"review": None},
        outputs={"decision": "{{ steps.review.output.decision }}", "hash": "{{ steps.out.output.hash }}"},
    ),
    Scenario(
        name="paused",
        steps=[read("one"), ask("review", depends_on=["one"]), publish("out", approved("review"))],
        answers={"review": None},
        control_requests={1: "pause", 2: "resume", 3: "cancel"},
        status="cancelled",
        outputs={"hash": "{{ steps.out.output.hash }}"},
    ),
    Scenario(
        name="failing",
        steps=[
            put("keyed"),
            {"id": "odd", "type": "code", "source": "1 // 0", "depends_on": ["keyed"]},
            {"id": "soft", "type": "code", "source": "1 // 0", "on_error": {"continue_with": 7}},
            ask("review"),
            read("after", depends_on=["odd", "soft"]),
        ],
        answers={"review": None},
        status="failed",
        outputs={"after": "{{ steps.after.output.status }}"},
    ),
)

BY_NAME: dict[str, Scenario] = {scenario.name: scenario for scenario in SCENARIOS}
Answers = Callable[[Review], dict[str, Any] | None]
