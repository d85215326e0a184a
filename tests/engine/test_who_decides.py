"""Who decides: reviews that name people and find none, questions of the product, and edits that do not fit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.errors import Refused, TransientError
from flowbuilder.model.review import Assignment, Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.testing import FakeHttp, Finished, MemoryCms, fake_ports, run_locally

URL = "https://my.example/a"
PAGE = "https://evil.example/page"
ANA, BEN, MALLORY = "ana@example.com", "ben@example.com", "mallory@elsewhere.example"
SITE = {"site": "my.example", "base_url": "https://my.example", "reviewers": {"editors": [ANA, BEN]}}


def document(assign: Any, **publish: Any) -> dict[str, Any]:
    review = {"id": "r", "type": "human_review", "title": "x", "proposal": "{{ steps.get.output.title }}"}
    return {
        "schema": "flowbuilder/v1",
        "name": "w",
        "inputs": {"who": {"type": "array", "items": {"type": "string"}, "default": []}},
        "steps": [
            {"id": "get", "type": "page", "url": PAGE},
            {"id": "now", "type": "cms", "operation": "read", "url": URL},
            review if assign is None else {**review, "assign": assign},
            {"id": "pub", "type": "cms", "operation": "update", "url": URL,
             "body": "{{ steps.r.output.approved }}", "if_unchanged": "{{ steps.now.output.hash }}"},
        ],
    }  # fmt: skip


def start(assign: Any, site: dict[str, Any] = SITE, inputs: dict[str, Any] | None = None) -> tuple[Finished, MemoryCms]:
    cms = MemoryCms({URL: "old"})
    http = FakeHttp({PAGE: "<html><head><title>New text</title></head><body><p>text</p></body></html>"})
    return run_locally(document(assign), inputs, ports=fake_ports(cms=cms, http=http), site=site), cms


def waiting(run: Finished) -> Review:
    (review,) = run.app.open_reviews_of(run.execution.id)
    return review


def approve(run: Finished, by: str, **more: Any) -> Review:
    review = waiting(run)
    return run.app.decide(review.id, Answer.to(review, kind="approved", by=by, **more))


def resume(run: Finished) -> None:
    assert isinstance(run.app.engine, LocalRunner)
    asyncio.run(run.app.engine.run(run.execution.id))


@pytest.mark.parametrize(
    ("assign", "site"),
    [
        ({"group": "editors"}, SITE),
        ({"group": "legal", "quorum": 1, "not_author": True}, SITE),
        ({"group": "editors"}, {**SITE, "reviewers": {"editors": ANA}}),
        ({"group": "editors"}, {**SITE, "reviewers": {"editors": []}}),
        ({"group": "editors"}, {key: SITE[key] for key in ("site", "base_url")}),
        ({"people": "{{ inputs.who }}"}, SITE),
        ({"group": "{{ inputs.who | first | default('') }}"}, SITE),
        ({"quorum": 1}, SITE),
        (None, SITE),
    ],
)
def test_a_stranger_decides_no_review_that_names_people(assign: Any, site: dict[str, Any]) -> None:
    run, cms = start(assign, site)
    for edited in ({}, {"edited": "EDITED BY MALLORY"}):
        with pytest.raises(Refused):
            approve(run, MALLORY, **edited)
    resume(run)
    assert (waiting(run).status, cms.writes) == ("open", [])


@pytest.mark.parametrize("assign", ["anyone", {"anyone": True}])
def test_anyone_decides_where_the_author_wrote_anyone(assign: Any) -> None:
    run, _ = start(assign)
    assert approve(run, MALLORY).status == "decided"


def test_two_of_anyone_are_two_people() -> None:
    run, _ = start({"anyone": True, "quorum": 2})
    assert approve(run, MALLORY).status == "open"
    assert approve(run, ANA).status == "decided"


def test_the_product_is_no_reviewer() -> None:
    run, _ = start("anyone")
    for kind in ("approved", "withdrawn"):
        with pytest.raises(Refused, match="is not a reviewer"):
            run.app.decide(waiting(run).id, Answer.to(waiting(run), kind=kind, by="Flowbuilder"))  # type: ignore[arg-type]


def test_publishing_over_a_changed_page_asks_those_who_approved_the_text() -> None:
    run, cms = start({"group": "editors", "quorum": 2})
    for by in (ANA, BEN):
        approve(run, by)
    cms.put(URL, "an edit by another person")
    resume(run)
    question = waiting(run)
    assert question.request.title.endswith("publish over it?")
    assert question.request.assign == Assignment(group="editors", quorum=2)
    with pytest.raises(Refused, match="assigned to the group editors"):
        approve(run, MALLORY)
    with pytest.raises(Refused, match="takes no edit"):
        approve(run, ANA, edited="EDITED")
    assert approve(run, ANA).status == "open"
    resume(run)
    assert cms.writes == []
    assert approve(run, BEN).status == "decided"
    resume(run)
    assert [write.body for write in cms.writes] == ["New text"]
    assert run.store.execution(run.execution.id).status == "completed"


def test_sending_again_asks_those_who_approved_the_text() -> None:
    http = FakeHttp({PAGE: "<html><head><title>New text</title></head><body><p>text</p></body></html>"})
    http.on("POST https://my.example/send", TransientError("cut off", reason="connection"))
    steps = document({"group": "editors", "not_author": True})["steps"][:3]
    send = {
        "id": "send",
        "type": "api",
        "method": "POST",
        "url": "https://my.example/send",
        "json": {"text": "{{ steps.r.output.approved }}", "n": 1},
        "retry": {"attempts": 2, "delay_seconds": 0},
    }
    again = {"schema": "flowbuilder/v1", "name": "w", "hosts": ["my.example"], "steps": [steps[0], steps[2], send]}
    run = run_locally(again, ports=fake_ports(http=http), site=SITE)
    approve(run, ANA)
    resume(run)
    question = waiting(run)
    assert question.request.title.startswith("Send again?")
    assert question.request.assign == Assignment(group="editors", not_author=True)
    assert not question.request.may_edit


@pytest.mark.parametrize(
    ("proposal", "schema", "edit", "wrong"),
    [
        ("text", None, ["text"], "/: a list, expected a text"),
        ("text", None, None, "/: null, expected a text"),
        (["a", "b"], None, "a", "/: a text, expected a list"),
        (["a", "b"], None, ["a", 1], "/1: a number, expected a text"),
        ({"title": "t", "body": "b"}, None, {"title": "t"}, "/body: the field is missing"),
        ({"title": "t"}, None, {"title": "t", "admin": True}, "/admin: the proposal has no such field"),
        ({"title": "t"}, None, {"title": {"en": "t"}}, "/title: an object, expected a text"),
        ({"n": 1}, None, {"n": True}, "/n: true or false, expected a number"),
        ([{"t": "a"}, {"t": "b", "x": 1}], None, [{"t": "a"}, {"t": "b", "x": "1"}], "/1/x: a text, expected a number"),
        ("text", {"type": "string", "maxLength": 9}, "much too long", "/: "),
        ({"t": ["a"]}, {"properties": {"t": {"items": {"enum": ["a", "b"]}}}}, {"t": ["a", "c"]}, "/t/1: "),
    ],
)
def test_an_edit_that_the_steps_behind_cannot_take_is_refused_with_its_place(
    proposal: Any, schema: Any, edit: Any, wrong: str
) -> None:
    review = {"id": "r", "type": "human_review", "title": "x", "proposal": proposal}
    step = review if schema is None else {**review, "schema": schema}
    run = run_locally(
        {"schema": "flowbuilder/v1", "name": "w", "steps": [step], "outputs": {"o": "{{ steps.r.output }}"}}
    )
    with pytest.raises(Refused) as refused:
        approve(run, ANA, edited=edit)
    assert f"behind this review: {wrong}" in refused.value.message
    assert waiting(run).version == 1
    assert approve(run, ANA).status == "decided"


@pytest.mark.parametrize(
    ("proposal", "schema", "edit"),
    [
        ("text", None, ""),
        (["a", "b"], None, []),
        (["a", "b"], None, ["c", "b", "d"]),
        ([], None, ["a", {"b": 1}]),
        ([{"t": "a"}, {"t": "b", "x": 1}], None, [{"t": "c", "x": 2}, {"t": "d"}]),
        ({"n": 1, "note": None}, None, {"n": 2.5, "note": "something"}),
        ({"t": "a"}, {"type": "object", "required": ["t"]}, {"t": "a", "more": 1}),
    ],
)
def test_an_edit_of_the_same_form_or_that_the_schema_allows_is_approved(proposal: Any, schema: Any, edit: Any) -> None:
    review = {"id": "r", "type": "human_review", "title": "x", "proposal": proposal}
    step = review if schema is None else {**review, "schema": schema}
    run = run_locally(
        {"schema": "flowbuilder/v1", "name": "w", "steps": [step], "outputs": {"o": "{{ steps.r.output }}"}}
    )
    made = approve(run, ANA, edited=edit).decision
    assert made is not None
    assert made.approved == edit


def test_a_proposal_that_does_not_match_the_schema_fails_before_a_reviewer_sees_it() -> None:
    step = {"id": "r", "type": "human_review", "title": "x", "proposal": 1, "schema": {"type": "string"}}
    run = run_locally(
        {"schema": "flowbuilder/v1", "name": "w", "steps": [step], "outputs": {"o": "{{ steps.r.output }}"}}
    )
    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "schema_mismatch")
    assert run.reviews == ()
