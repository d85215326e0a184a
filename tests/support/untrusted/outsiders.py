"""A world in which outsiders write their marker everywhere they can, and a record of what was sent to it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowbuilder.errors import FlowbuilderError, StepError
from flowbuilder.model.review import Review
from flowbuilder.ports import ModelAnswer, ModelRequest, SqlRequest
from flowbuilder.testing import (
    Answer,
    FakeDatabases,
    FakeHttp,
    FakeMcp,
    FakeSearchConsole,
    MemoryCms,
    fake_ports,
    respond,
    run_locally,
)
from tests.support.untrusted.marked_values import MARKER, is_marked
from tests.support.untrusted.refused_texts import RandomWorkflow

SITE = {"site": "my.example", "base_url": "https://my.example", "reviewers": {"editors": ["tester@localhost"]}}
OTHER_MARKER = "zyzzy z"
WRITING_TOOLS = ("write", "project_eval")


@dataclass(frozen=True)
class Run:
    """What one run sent, one JSON text for each write, and the StepPaths that were run."""

    sent: tuple[str, ...]
    kinds: frozenset[str]
    status: str


class Echo:
    """A model that answers as outsiders in its prompt or images would have it, and calls each tool with the prompt.

    What it finds on the web has their marker.
    """

    def __init__(self, marker: str) -> None:
        self._marker = marker

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The prompt as the text; with a schema, its members with the prompt where a text may be."""
        for tool in request.tools:
            await tool.call({"text": request.prompt})
        shown = " ".join(f"{image.alt} {image.data[8:].decode()}" for image in request.images)
        text = f"{request.prompt}{shown}"
        output: dict[str, Any] = {"text": text}
        if request.search is not None:
            source = {"url": f"https://evil.example/{self._marker}", "title": self._marker, "cited": True}
            output = {"text": f"{self._marker} {text}", "sources": [source]}
        if request.output_schema is not None:
            output = {"n": 1, "kind": "minor"}
            if request.output_schema.get("additionalProperties") is not False:
                output["more"] = text
        return ModelAnswer(output=output, usage={})


def run(workflow: RandomWorkflow, marker: str) -> Run:
    """Run a workflow in a world whose outsiders write this marker."""

    def theirs(value: Any) -> Any:
        return json.loads(json.dumps(value).replace(MARKER, marker))

    http = FakeHttp()
    for url, answer in workflow.answers.items():
        body = theirs(answer)
        http.on(
            url, lambda request, body=body: respond(json.dumps(body).encode(), headers=_json(marker), url=request.url)
        )
    html = f"<html><head><title>{marker}</title></head><body><article><h1>{marker}</h1><p>{marker} text</p>"
    http.on(
        "https://evil.example/page",
        f"{html}<a href='https://evil.example/{marker}'>{marker}</a></article></body></html>",
    )
    photo = b"\x89PNG\r\n\x1a\n" + marker.encode()
    http.on("https://evil.example/photo.png", respond(photo, headers={"content-type": "image/png"}))
    for method in ("POST", "PUT", "PATCH"):
        http.on(f"{method} https://hook.example/in", {"answer": marker})
    cms = MemoryCms({"https://my.example/a": "old", "https://my.example/b": "old"})
    mcp = FakeMcp({"s": {"say": marker, "fail": StepError(marker, code="mcp_tool"), "write": {"ok": marker},
                         "structured": theirs({"n": 1, "x": MARKER}), "project_eval": marker}})  # fmt: skip
    rows = [{"keys": [f"https://my.example/{marker}"], "clicks": 3.0, "impressions": 5.0, "ctr": 0.6, "position": 1.0}]
    databases = FakeDatabases(
        {
            "crm": f"CREATE TABLE post (note TEXT, n INTEGER); INSERT INTO post VALUES ('{marker}', 7)",
            "failing": _failing(marker),
        }
    )
    ports = fake_ports(
        http=http, cms=cms, mcp=mcp, models=Echo(marker), search_console=FakeSearchConsole(rows), databases=databases
    )
    try:
        done = run_locally(
            workflow.document, {"name": "Ana"}, ports=ports, decide=_decided, called=workflow.called, site=SITE
        )
    except FlowbuilderError as problem:
        return Run(sent=(), kinds=frozenset(), status=f"refused: {problem}"[:200])
    shown = {url for review in done.reviews for url in review.request.targets}
    sent = [("cms", None if write.url in shown else write.url, write.body, write.title, write.description,
             write.if_unchanged, write.idempotency_key) for write in cms.writes]  # fmt: skip
    sent += [
        ("api", request.method, None if request.url in shown else request.url, request.query, request.headers,
         request.json, request.form, request.idempotency_key)
        for request in http.requests if request.method not in ("GET", "HEAD")
    ]  # fmt: skip
    sent += [("mcp", *call) for call in mcp.calls if call[1] in WRITING_TOOLS]
    sent += [("sql", dict(request.parameters), request.statement.text) for request in databases.writes]
    return Run(tuple(map(json.dumps, sent)), frozenset(str(one[0]) for one in sent), str(done.status))


def interference(workflow: RandomWorkflow) -> tuple[list[str], Run]:
    """What was sent with an outsider's marker in it, in two runs of different outsiders; and the first run."""
    first, second = run(workflow, MARKER), run(workflow, OTHER_MARKER)
    return [text for one in (first, second) for text in one.sent if is_marked(json.loads(text))], first


def _failing(marker: str) -> Callable[[SqlRequest], list[dict[str, Any]]]:
    def fail(_: SqlRequest) -> list[dict[str, Any]]:
        raise StepError(f"rejected: {marker}", code="sql_refused", detail={"reason": marker})

    return fail


def _json(marker: str) -> dict[str, str]:
    return {"content-type": "application/json", "x-note": marker}


def _decided(review: Review) -> Answer | None:
    """Approve what is proposed, without what outsiders wrote in it; a first round with a request asks for changes."""
    if "changes" in review.request.title and review.request.round == 1:
        return Answer(verb="request-changes")
    cleaned = json.loads(json.dumps(review.request.proposal).replace("z", "a").replace("Z", "A"))
    return Answer(verb="approve", edited=None if cleaned == review.request.proposal else cleaned)
