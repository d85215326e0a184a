"""An execution in which the walk meets a hostile value or a defect ends with a named error."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.testing import FakeHttp, Finished, fake_ports, run_locally

API = "https://api.example/"
GET: dict[str, Any] = {"id": "get", "type": "api", "url": API}
CODE: dict[str, Any] = {"id": "c", "type": "code", "source": "1"}


def document(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": "w", "steps": list(steps), **more}


HOSTILE = [{"t": "&#" + "1" * 5000 + ";"}, {"t": "a" + "\u0301\u0316" * 90_000}, {"t": ["\u00b2"]}, {"t": 10**18}]
PLACES = {
    "when": document(GET, {**CODE, "when": "(steps.get.output.body.t | FILTER) != ''"}),
    "field": document(GET, {**CODE, "source": "x", "with": {"x": "{{ steps.get.output.body.t | FILTER }}"}}),
    "outputs": document(GET, outputs={"x": "{{ steps.get.output.body.t | FILTER }}"}),
    "branch": document(
        GET,
        {"id": "b", "type": "conditional",
         "branches": [{"when": "(steps.get.output.body.t | FILTER) != ''", "steps": [CODE]}]},
    ),
    "over": document(
        GET, {"id": "l", "type": "iteration", "over": "[steps.get.output.body.t | FILTER]", "steps": [CODE]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["strip_html", "slugify", "map('\u00b2') | json", "date", "json", "urlencode"])
def test_no_answer_of_a_server_leaves_an_execution_running(place: str, name: str) -> None:
    written = json.loads(json.dumps(PLACES[place]).replace("FILTER", json.dumps(name)[1:-1]))
    for body in HOSTILE:
        finished = run_locally(written, ports=fake_ports(http=FakeHttp({API: body})))
        assert finished.status in ("completed", "failed")
        if finished.status == "failed":
            assert finished.error is not None
            assert finished.error["code"] not in ("", "internal"), finished.error


def broken(*_arguments: Any, **_named: Any) -> Any:
    raise AttributeError("'NoneType' object has no attribute 'x'")


WALK = {
    "flowbuilder.walk.nodes._holds": (document({**CODE, "when": "1 == 1"}), "c"),
    "flowbuilder.walk.walk.render_value": (document(CODE, outputs={"x": "{{ steps.c.output }}"}), "outputs"),
    "flowbuilder.walk.loops.render_value": (
        document({"id": "l", "type": "iteration", "over": "[1]", "output": "{{ item }}", "steps": [CODE]}), "l"),
    "flowbuilder.walk.loops.iteration_output": (
        document({"id": "l", "type": "iteration", "over": "[1]", "steps": [CODE]}), "l"),
}  # fmt: skip


@pytest.mark.parametrize("where", WALK)
def test_a_defect_in_the_walk_fails_the_execution_with_the_name_of_the_step(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(where, broken)
    definition, path = WALK[where]
    finished: Finished = run_locally(definition)
    assert finished.status == "failed"
    assert finished.execution.holder is None
    assert finished.error is not None
    assert finished.error["code"] == "internal"
    assert finished.error["path"].startswith(path)
    assert "AttributeError" in finished.error["message"]
    assert [event.type for event in finished.events][-1] == "execution_failed"
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_a_defect_in_a_review_fails_that_review(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HumanReview, "request", broken)
    finished = run_locally(document({"id": "r", "type": "human_review", "title": "Look", "proposal": "x"}))
    assert finished.status == "failed"
    assert finished.error is not None
    assert (finished.error["code"], finished.error["path"]) == ("internal", "r")
