"""The URL of a publishing step: trusted, or shown to a reviewer of what is published; else FB401."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.analysis.linter import analyze
from flowbuilder.definition.loader import load
from flowbuilder.plan.compiler import compile_plan
from flowbuilder.plan.nodes import ReviewNode, nodes_in

Step = dict[str, Any]
ROWS: Step = {"id": "rows", "type": "api", "url": "https://data.example/rows"}
PAGE: Step = {"id": "page", "type": "page", "url": "{{ steps.rows.output.body[0] }}"}
LATE: Step = {"id": "late", "type": "api", "url": "https://data.example/late", "depends_on": ["review"]}


def review(proposal: str = "{{ steps.page.output.text }}", **more: Any) -> Step:
    return {"id": "review", "type": "human_review", "title": "Look", "proposal": proposal, **more}


def publish(url: str, body: str = "{{ steps.review.output.approved }}", **more: Any) -> Step:
    return {"id": "publish", "type": "cms", "operation": "update", "url": url, "body": body, **more}


def document(*steps: Step) -> dict[str, Any]:
    inputs = {"urls": {"type": "array", "items": {"type": "string"}, "default": []}}
    return {"schema": "flowbuilder/v1", "name": "w", "hosts": ["my.example"], "inputs": inputs, "steps": list(steps)}


def each(*steps: Step, over: str = "steps.rows.output.body") -> Step:
    return {"id": "each", "type": "iteration", "over": over, "as": "url", "steps": list(steps)}


SHOWN: dict[str, tuple[tuple[Step, ...], tuple[str, ...]]] = {
    "written in the definition": (
        (ROWS, PAGE, review(), publish("https://my.example/a")), ("https://my.example/a",),
    ),
    "made from untrusted text": (
        (ROWS, PAGE, review(), publish("{{ steps.rows.output.body[0] }}")), ("{{ steps.rows.output.body[0] }}",),
    ),
    "an item of an iteration around both": (
        (ROWS, each(PAGE | {"url": "{{ url }}"}, review(), publish("{{ url }}"))), ("{{ url }}",),
    ),
    "a review inside a branch": (
        (ROWS, PAGE, {"id": "b", "type": "conditional", "branches": [
            {"when": "steps.page.output.status == 200",
             "steps": [review(), publish("{{ steps.rows.output.body[0] }}")]}]}),
        ("{{ steps.rows.output.body[0] }}",),
    ),
    "the approved text passed on by a branch": (
        (ROWS, PAGE, review(), {"id": "b", "type": "conditional", "branches": [
            {"when": "true", "steps": [], "output": "{{ steps.review.output.approved }}"}],
            "else": {"steps": [], "output": "none"}},
         publish("{{ steps.rows.output.body[0] }}", "{{ steps.b.output }}")),
        ("{{ steps.rows.output.body[0] }}",),
    ),
}  # fmt: skip
HIDDEN: dict[str, tuple[Step, ...]] = {
    "no review": (ROWS, publish("{{ steps.rows.output.body[0] }}", "hello")),
    "a review of something else": (
        ROWS, PAGE, review(), publish("{{ steps.rows.output.body[0] }}", "hello", depends_on=["review"]),
    ),
    "a URL that is known only after the review": (
        ROWS, PAGE, review(), LATE, publish("{{ steps.late.output.body }}"),
    ),
    "an item of an iteration after the review": (
        ROWS, PAGE, review(), each(publish("{{ url }}")),
    ),
    "a new page's address": (
        ROWS, publish("https://my.example/{{ steps.rows.output.body[0] }}", "hello", operation="create"),
    ),
    "a request's address": (
        ROWS, {"id": "publish", "type": "api", "method": "POST", "json": {"a": 1},
               "url": "https://my.example/in?q={{ steps.rows.output.body[0] }}"},
    ),
}  # fmt: skip


def errors(steps: tuple[Step, ...]) -> list[tuple[str, str]]:
    definition, _ = load(document(*steps))
    assert definition is not None
    report, _ = analyze(definition)
    return [(item.code, item.pointer.rpartition("/")[2]) for item in report.errors]


@pytest.mark.parametrize("name", SHOWN)
def test_a_url_that_a_reviewer_of_the_content_is_shown_is_accepted(name: str) -> None:
    steps, expected = SHOWN[name]
    assert errors(steps) == []
    definition, _ = load(document(*steps))
    assert definition is not None
    (node,) = (node for node in nodes_in(compile_plan(definition).block) if isinstance(node, ReviewNode))
    assert tuple(getattr(url, "source", url) for url in node.targets) == expected


@pytest.mark.parametrize("name", HIDDEN)
def test_a_url_that_no_reviewer_of_the_content_is_shown_is_an_error(name: str) -> None:
    assert errors(HIDDEN[name]) == [("FB401", "url")]


def test_a_url_from_a_trusted_input_needs_no_reviewer() -> None:
    assert errors((each(publish("{{ url }}", "hello"), over="inputs.urls"),)) == []
