# ruff: noqa: E501 - a table reads better in long lines
"""Untrusted text on every path to an effect, and the steps that remove its taint."""

from typing import Any

import pytest

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.errors import NotFound

PAGE = {"id": "page", "type": "page", "url": "https://example.com/a"}
TEXT = "{{ steps.page.output.text }}"
OBJECT = {"type": "object", "properties": {"body": {"type": "string"}, "score": {"type": "number"},
          "kind": {"enum": ["minor", "major"]}, "good": {"type": "boolean"}}, "required": ["body", "score", "kind", "good"]}  # fmt: skip


def llm(prompt: str = f"Rewrite {TEXT}", id: str = "draft", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "llm", "model": "demo:", "prompt": prompt, "output_schema": OBJECT, **more}


def publish(body: Any, id: str = "publish", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "cms", "operation": "update", "url": "https://example.com/a", "body": body, **more}


def send(id: str = "send", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "api", "method": "POST", "url": "https://api.example.com/x", **more}


def review(proposal: Any = "{{ steps.draft.output.body }}", **more: Any) -> dict[str, Any]:
    return {"id": "review", "type": "human_review", "title": "Look", "proposal": proposal, **more}


def called(name: str, steps: list[Any], outputs: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": name, "inputs": inputs, "steps": steps, "outputs": outputs}


STORED = {
    "put": called("put", [publish("{{ inputs.body }}", "write")], {"url": "{{ steps.write.output.url }}"},
                  body={"type": "string"}),
    "odd": called("odd", [publish("{{ inputs.body }}", "write")], {"url": "{{ steps.write.output.url }}"},
                  body={"type": "string", "$schema": "http://json-schema.org/draft-07/schema#"}),
    "bare": called("bare", [publish("{{ inputs.body }}", "write")], {"url": "{{ steps.write.output.url }}"},
                   body={"properties": {"n": {"type": "number"}}}),
    "get": called("get", [PAGE], {"text": TEXT, "status": "{{ steps.page.output.status }}"}),
    "ask": called("ask", [review("{{ inputs.text }}")], {"approved": "{{ steps.review.output.approved }}"},
                  text={"type": "string"}),
    "deep": called("deep", [{"id": "inner", "type": "workflow", "name": "put", "with": {"body": "{{ inputs.body }}"}}],
                   {"url": "{{ steps.inner.output.url }}"}, body={"type": "string"}),
    "vouched": called("vouched", [publish("{{ steps.page.output.text }}", "write",
                                          trust={"source": "page", "reason": "ours", "by": "Ana"}), PAGE],
                      {"url": "{{ steps.write.output.url }}"}),
}  # fmt: skip
APPROVED = "{{ steps.review.output.approved }}"
TRUST = {"source": "page", "reason": "our own page", "by": "Ana"}


def stored(name: str, version: int | None) -> Definition:
    if name not in STORED:
        raise NotFound(f"there is no workflow {name}")
    definition, report = load(STORED[name])
    assert definition is not None
    assert not report
    return definition


def diagnostics(*steps: dict[str, Any], **more: Any) -> list[Diagnostic]:
    more.setdefault("inputs", {"name": {"type": "string", "default": ""}})
    outputs = {step["id"]: f"{{{{ steps.{step['id']}.output | default(null) }}}}" for step in steps}
    document = {"schema": "flowbuilder/v1", "name": "w", "steps": list(steps), "outputs": outputs, **more}
    definition, report = load(document)
    assert definition is not None
    assert not report
    return list(check(definition, workflows=stored))


CODE = {"id": "work", "type": "code", "source": "text.upper()", "with": {"text": TEXT}}
LOOP = {"id": "each", "type": "iteration", "over": "steps.page.output.links", "as": "link"}
CLEAN: dict[str, list[dict[str, Any]]] = {
    "the number of links decides": [PAGE, send(when="steps.page.output.links | length > 0")],
    "the number of broken links decides": [
        PAGE,
        {"id": "each", "type": "iteration", "over": "steps.page.output.links", "as": "link", "on_item_error": "continue",
         "steps": [{"id": "head", "type": "api", "method": "HEAD", "on_error": "continue",
                    "url": "https://example.com/{{ link.text }}"}],
         "output": {"url": "{{ link.url }}", "ok": "{{ steps.head.status == 'completed' }}"}},
        send(when="len(steps.each.output.outputs | default([]) | reject('ok')) > 0",
             json={"broken": "{{ steps.each.output.outputs | reject('ok') | length }}"}),
    ],
    "untrusted text in a prompt, a review and a GET": [
        PAGE, llm(), review(),
        {"id": "look", "type": "api", "url": "https://api.example.com/x", "query": {"q": TEXT}, "headers": {"x-q": TEXT}},
    ],
    "what a reviewer approved": [PAGE, llm(), review(), publish(APPROVED)],
    "a part of what a reviewer approved": [
        PAGE, llm(), review({"pages": [{"body": "{{ steps.draft.output.body }}"}]}),
        publish("{{ steps.review.output.approved.pages[0].body }}"),
    ],
    "approved, or nothing": [PAGE, llm(), review(), publish("{{ steps.review.output.approved | default(null) }}")],
    "approved by way of a conditional": [
        PAGE, llm(),
        {"id": "route", "type": "conditional", "branches": [
            {"when": "steps.draft.output.good", "steps": [review()], "output": {"text": APPROVED}}],
         "else": {"output": {"text": None}}},
        publish("{{ steps.route.output.text }}"),
    ],
    "each item of what was approved": [
        PAGE, llm(), review(["{{ steps.draft.output.body }}"]),
        {"id": "each", "type": "iteration", "over": "steps.review.output.approved", "as": "text",
         "steps": [publish("{{ text }}")]},
    ],
    "approved in a called workflow": [
        PAGE, {"id": "ask", "type": "workflow", "name": "ask", "with": {"text": TEXT}},
        publish("{{ steps.ask.output.approved }}"),
    ],
    "published by a called workflow once it is approved": [
        PAGE, llm(), review(), {"id": "put", "type": "workflow", "name": "put", "with": {"body": APPROVED}},
    ],
    "numbers, booleans and words of a list": [
        PAGE, llm(),
        send(json={"status": "{{ steps.page.output.status }}", "words": "{{ steps.page.output.text | wordcount }}",
                   "long": "{{ steps.page.output.text | length > 10 }}", "score": "{{ steps.draft.output.score }}",
                   "kind": "{{ steps.draft.output.kind }}"}),
    ],
    "text that no outsider writes": [
        llm("Say hello to {{ inputs.name }}"), publish("{{ steps.draft.output.body }} {{ site.footer }}"),
    ],
    "the person who reviewed, and the comment": [
        PAGE, llm(), review(), send(json={"text": "{{ steps.review.output.reviewer }}: {{ steps.review.output.comment }}"}),
    ],
    "the receipt of a write": [
        PAGE, llm(), review(), publish(APPROVED), send(json={"url": "{{ steps.publish.output.url }}"}),
    ],
    "vouched for at its source": [PAGE, llm(), publish("{{ steps.draft.output.body }}", trust=TRUST)],
    "vouched for half way": [PAGE, llm(), publish("{{ steps.draft.output.body }}", trust={**TRUST, "source": "draft"})],
    "vouched for in the called workflow": [{"id": "put", "type": "workflow", "name": "vouched"}],
    "vouched for at the call": [
        PAGE, {"id": "put", "type": "workflow", "name": "put", "with": {"body": TEXT}, "trust": TRUST},
    ],
    "a number of a called workflow": [
        {"id": "get", "type": "workflow", "name": "get"}, send(json={"status": "{{ steps.get.output.status }}"}),
    ],
    "decided by a number": [PAGE, send(when="steps.page.output.status == 404")],
    "decided by text, with a person in between": [
        PAGE, llm(), review(), publish(APPROVED, when="'sale' in steps.page.output.text"),
    ],
    "a host that stands before the untrusted part": [
        PAGE, {"id": "next", "type": "page", "url": "https://example.com/search?q={{ steps.page.output.title }}"},
        {"id": "mine", "type": "page", "url": "{{ site.base_url }}/{{ steps.page.output.title | slugify }}"},
        {"id": "joined", "type": "page", "url": "{{ 'https://example.com/' ~ steps.page.output.title }}"},
    ],
    "a host that a variable or a choice holds": [
        PAGE, {"id": "next", "type": "page",
               "url": "{% set base = 'https://example.com' %}{{ base }}/{{ steps.page.output.title }}"},
        {"id": "mine", "type": "page",
         "url": "{{ 'https://a.example/' if inputs.name else 'https://b.example/' }}{{ steps.page.output.title }}"},
    ],
    "an empty list beside what was approved": [
        PAGE, llm(), review(["{{ steps.draft.output.body }}"]),
        {"id": "each", "type": "iteration", "over": "steps.review.output.approved | default([])", "as": "text",
         "steps": [publish("{{ text }}")]},
    ],
    "a closed object of numbers": [
        {"id": "facts", "type": "api", "url": "https://api.example.com", "response_schema": {
            "type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": False}},
        send(json="{{ steps.facts.output.body }}"),
    ],
    "the code of an error": [{**PAGE, "on_error": "continue"}, send(json="{{ steps.page.error.code | default('') }}")],
    "a page that is read in the CMS": [
        PAGE, {"id": "source", "type": "cms", "operation": "read", "url": "{{ steps.page.output.url }}"},
    ],
}  # fmt: skip
ONE: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "a page": ("FB401", "steps.page.output.text <- page (web page)", [PAGE, publish(TEXT)]),
    "a model": ("FB401", "steps.draft.output.body <- draft <- page (web page)",
                [PAGE, llm(), publish("{{ steps.draft.output.body }}")]),
    "a program": ("FB401", "steps.work.output <- work <- page (web page)", [PAGE, CODE, publish("{{ steps.work.output }}")]),
    "a long way": ("FB401", "steps.third.output.body <- third <- second <- draft <- page (web page)", [
        PAGE, llm(), llm("{{ steps.draft.output.body }}", "second"), llm("{{ steps.second.output.body }}", "third"),
        publish("{{ steps.third.output.body }}"),
    ]),
    "search data": ("FB401", "steps.rows.output.rows <- rows (search data)", [
        {"id": "rows", "type": "gsc"}, publish("{{ steps.rows.output.rows | map('keys') | json }}"),
    ]),
    "an API": ("FB401", "steps.facts.output.body <- facts (API answer)", [
        {"id": "facts", "type": "api", "url": "https://api.example.com"}, publish("{{ steps.facts.output.body }}"),
    ]),
    "an iteration": ("FB401", "steps.each.output.outputs <- draft <- page (web page)", [
        PAGE, {**LOOP, "steps": [llm("{{ link.text }}")], "output": "{{ steps.draft.output.body }}"},
        publish("{{ steps.each.output.outputs | join(' ') }}"),
    ]),
    "an item": ("FB401", "link.text <- page (web page)", [PAGE, {**LOOP, "steps": [publish("{{ link.text }}")]}]),
    "a conditional": ("FB401", "steps.route.output.text <- page (web page)", [
        PAGE, {"id": "route", "type": "conditional", "branches": [
            {"when": "steps.page.output.status == 200", "output": {"text": TEXT}}], "else": {"output": {"text": "none"}}},
        publish("{{ steps.route.output.text }}"),
    ]),
    "a called workflow": ("FB401", "steps.get.output.text <- get.page (web page)", [
        {"id": "get", "type": "workflow", "name": "get"}, publish("{{ steps.get.output.text }}"),
    ]),
    "into a called workflow": ("FB401", "inputs.body <- page (web page)", [
        PAGE, {"id": "put", "type": "workflow", "name": "put", "with": {"body": TEXT}},
    ]),
    "into an input whose schema is of another dialect": ("FB401", "inputs.body <- page (web page)", [
        PAGE, {"id": "put", "type": "workflow", "name": "odd", "with": {"body": TEXT}},
    ]),
    "into an input without a type": ("FB401", "inputs.body <- work <- page (web page)", [
        PAGE, CODE, {"id": "put", "type": "workflow", "name": "bare", "with": {"body": "{{ steps.work.output }}"}},
    ]),
    "two calls deep": ("FB401", "inputs.body <- page (web page)", [
        PAGE, {"id": "put", "type": "workflow", "name": "deep", "with": {"body": TEXT}},
    ]),
    "the text that was proposed, beside its approval": ("FB401", "steps.draft.output.body <- draft <- page (web page)", [
        PAGE, llm(), review(), publish("{{ steps.draft.output.body }}", when="steps.review.output.decision == 'approved'"),
    ]),
    "approved, or else the draft": ("FB401", "steps.draft.output.body <- draft <- page (web page)", [
        PAGE, llm(), review(), publish("{{ steps.review.output.approved | default(steps.draft.output.body) }}"),
    ]),
    "approved, then edited by a model": ("FB401", "<- review, changed since its approval <- draft <- page (web page)", [
        PAGE, llm(), review(), llm(APPROVED, "polish"), publish("{{ steps.polish.output.body }}"),
    ]),
    "approved, then edited by a filter": ("FB401", "review, changed since its approval", [
        PAGE, llm(), review(), publish("{{ steps.review.output.approved | upper }}"),
    ]),
    "approved, then put into a longer text": ("FB401", "review, changed since its approval", [
        PAGE, llm(), review(), publish(f"{APPROVED}!"),
    ]),
    "approved, then edited in the output of a conditional": ("FB401", "review, changed since its approval", [
        PAGE, llm(), review(),
        {"id": "route", "type": "conditional", "branches": [{"when": "steps.draft.output.good", "output": f"{APPROVED}!"}],
         "else": {"output": "none"}},
        publish("{{ steps.route.output }}"),
    ]),
    "the error of a text that quotes what it read": ("FB401", "steps.count.error.message <- count.error message <- page", [
        PAGE, {"id": "count", "type": "code", "source": "n", "with": {"n": "{{ steps.page.output.title | int }}"}, "on_error": "continue"},
        publish("{{ steps.count.error.message if steps.count.error else 'none' }}"),
    ]),
    "the error of a condition that quotes what it read": ("FB401", "steps.count.error.message <- count.error message <- page", [
        PAGE, {"id": "count", "type": "code", "source": "1", "when": "(steps.page.output.title | int) > 3", "on_error": "continue"},
        publish("{{ steps.count.error.message if steps.count.error else 'none' }}"),
    ]),
    "what was proposed in the previous round": ("FB401", "feedback.previous <- the previous round (its proposal)", [
        PAGE, llm(), review(), publish("{{ feedback.previous if feedback else 'none' }}"),
    ]),
    "the form of a request": ("FB401", "(form.text)", [PAGE, send(form={"text": TEXT})]),
    "the query of a request that writes": ("FB401", "(query.text)", [PAGE, send(query={"text": TEXT})]),
    "a header of a request that writes": ("FB401", "(headers.x-text)", [PAGE, send(headers={"x-text": TEXT})]),
    "the path of a request that writes": ("FB401", "(url)", [
        PAGE, {**send(), "url": "https://api.example.com/{{ steps.page.output.title }}"},
    ]),
    "another source than the one that is vouched for": ("FB401", "<- draft <- facts (API answer)", [
        PAGE, {"id": "facts", "type": "api", "url": "https://api.example.com"}, llm(f"{TEXT} {{{{ steps.facts.output.body }}}}"),
        publish("{{ steps.draft.output.body }}", trust=TRUST),
    ]),
    "vouched for at another step": ("FB401", "<- page (web page)", [
        PAGE, llm(trust=TRUST), publish("{{ steps.draft.output.body }}"),
    ]),
    "the host of a page": ("FB402", "steps.page.output.links[0].url <- page (web page)", [
        PAGE, {"id": "next", "type": "page", "url": "{{ steps.page.output.links[0].url }}"},
    ]),
    "the end of a host": ("FB402", "<- page (web page)", [
        PAGE, {"id": "next", "type": "page", "url": "https://example.com{{ steps.page.output.title }}"},
    ]),
    "a user name before a host": ("FB402", "<- page (web page)", [
        PAGE, {"id": "next", "type": "page", "url": "https://{{ steps.page.output.title }}/a"},
    ]),
    "a host in one branch only": ("FB402", "<- page (web page)", [
        PAGE, {"id": "next", "type": "page",
               "url": "{{ 'https://a.example/' ~ steps.page.output.title if inputs.name else steps.page.output.text }}"},
    ]),
    "slashes that make no host": ("FB402", "<- page (web page)", [
        PAGE, {"id": "next", "type": "page", "url": "{{ 'https:/' }}/{{ steps.page.output.title }}"},
    ]),
    "the detail of an error": ("FB401", "steps.page.error.detail.reason <- page (web page)", [
        {**PAGE, "on_error": "continue"}, send(json="{{ steps.page.error.detail.reason | default('') }}"),
    ]),
    "the message of an error": ("FB401", "steps.page.error.message <- page (web page)", [
        {**PAGE, "on_error": "continue"}, send(json="{{ steps.page.error.message | default('') }}"),
    ]),
    "a list with an empty one": ("FB401", "<- facts (API answer)", [
        {"id": "facts", "type": "api", "url": "https://api.example.com"},
        publish("{{ (steps.facts.output.body | default([])) + [] | json }}"),
    ]),
    "members that a schema does not list": ("FB401", "steps.facts.output.body <- facts (API answer)", [
        {"id": "facts", "type": "api", "url": "https://api.example.com",
         "response_schema": {"type": "object", "properties": {"n": {"type": "number"}}}},
        send(json="{{ steps.facts.output.body }}"),
    ]),
    "the address of the page that was read": ("FB401", "steps.source.output.url <- page (web page)", [
        PAGE, {"id": "source", "type": "cms", "operation": "read", "url": "https://example.com/a?{{ steps.page.output.title }}"},
        send(json="{{ steps.source.output.url }}"),
    ]),
    "the key of an item": ("FB401", "<- page (web page)", [
        PAGE, {"id": "each", "type": "iteration", "over": "[1]", "key": "steps.page.output.title",
               "steps": [{"id": "work", "type": "code", "source": "1"}]},
        send(json="{{ steps.each.output['items'][0].key }}"),
    ]),
    "the page that is written": ("FB402", "<- page (web page)", [
        PAGE, llm(), review(), publish(APPROVED, url="{{ steps.page.output.url }}"),
    ]),
    "a program that an outsider writes": ("FB403", "<- page (web page)", [PAGE, {**CODE, "source": TEXT, "with": {}}]),
    "a program that a reviewer approved": ("FB403", "review", [
        PAGE, llm(), review(), {"id": "run", "type": "code", "source": APPROVED},
    ]),
    "a condition": ("FB404", "steps.page.output.title <- page (web page)", [PAGE, send(when="steps.page.output.title == 'x'")]),
    "a count of what a text selects": ("FB404", "<- page (web page)", [
        PAGE, send(when="steps.page.output.links | where('text', 'sold out') | length > 0"),
    ]),
    "a text beside a count": ("FB404", "steps.page.output.title <- page (web page)", [
        PAGE, send(when="steps.page.output.links | length > 0 && 'sold' in steps.page.output.title"),
    ]),
    "a branch": ("FB404", "<- page (web page)", [
        PAGE, {"id": "route", "type": "conditional", "branches": [{"when": "steps.page.output.title == 'x'", "steps": [send()]}]},
    ]),
    "the branch before": ("FB404", "<- page (web page)", [
        PAGE, {"id": "route", "type": "conditional", "branches": [{"when": "steps.page.output.title == 'x'", "output": 1}],
               "else": {"steps": [send()], "output": 2}},
    ]),
    "the list of an iteration": ("FB404", "steps.page.output.links <- page (web page)", [PAGE, {**LOOP, "steps": [send()]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_no_diagnostic(name: str) -> None:
    assert diagnostics(*CLEAN[name], inputs={"name": {"type": "string", "default": ""}}) == []


@pytest.mark.parametrize("name", ONE)
def test_a_tainted_text_has_one_diagnostic_with_its_path(name: str) -> None:
    code, way, steps = ONE[name]
    (diagnostic,) = diagnostics(*steps)
    assert diagnostic.code == code
    assert way in diagnostic.message


def test_a_reference_to_a_missing_step_is_the_only_diagnostic() -> None:
    (diagnostic,) = diagnostics(PAGE, publish(TEXT, when="steps.review.output.decision == 'approved'"))
    assert diagnostic.code == "FB107"


def test_declared_hosts_bound_requests() -> None:
    steps = ONE["the host of a page"][2]
    assert diagnostics(*steps, hosts=["example.com"]) == []


def test_several_fields_of_a_step_are_one_diagnostic() -> None:
    (diagnostic,) = diagnostics(PAGE, publish(TEXT, title="{{ steps.page.output.title }}"))
    assert diagnostic.pointer == "/steps/1/body"
    assert diagnostic.notes == ("and title: steps.page.output.title <- page (web page)",)
