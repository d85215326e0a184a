"""What is published may consist of several approved texts, and of the author's own: nothing more needs an approval."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowbuilder.engine.effects.approval_guard import ensure_approved, ensure_proven
from flowbuilder.errors import DefinitionError, StepError
from flowbuilder.model.review_rules import content_hash
from flowbuilder.steps.builtin.api import Api
from flowbuilder.testing import Answer, MemoryLedger
from flowbuilder.walk.commands import Unproven
from tests.engine.guards.test_provenance import API, GET, HOSTS, MARK, Step, post, publish, review, run

APPROVED = "{{ steps.review.output.approved }}"
PAGES: Step = {**API, "response_schema": {
    "type": "object", "required": ["pages"], "properties": {"pages": {"type": "array", "items": {
        "type": "object", "required": ["t", "n"], "additionalProperties": False,
        "properties": {"t": {"type": "string"}, "n": {"type": "integer"}}}}}}}  # fmt: skip
TWO = {"pages": [{"t": MARK, "n": 1}, {"t": f"{MARK} again", "n": 2}]}


def each(output: Any) -> Step:
    return {"id": "each", "type": "iteration", "over": "steps.get.output.body.pages", "as": "row",
            "steps": [review("{{ row.t }}")], "output": output}  # fmt: skip


def choice(output: Any, when: str = "steps.get.output.status == 200") -> Step:
    branch = {"when": when, "steps": [review("{{ steps.get.output.body.pages[0].t }}")], "output": output}
    return {"id": "b", "type": "conditional", "branches": [branch],
            "else": {"steps": [], "output": {"text": "nothing new", "by": "us"}}}  # fmt: skip


WHOLE = review("{{ steps.get.output.body.pages }}")
FIRST = review("{{ steps.get.output.body.pages[0].t }}")
PUBLISHED: dict[str, tuple[Step, ...]] = {
    "the texts of several reviews": (PAGES, each(APPROVED), post({"all": "{{ steps.each.output.outputs }}"})),
    "rows with numbers and the author's words": (
        PAGES, each({"n": "{{ row.n }}", "text": APPROVED, "by": "us"}), post("{{ steps.each.output.outputs }}"),
    ),
    "one member of what was approved, of every row": (
        PAGES, WHOLE, post({"all": "{{ steps.review.output.approved | map('t') }}"}),
    ),
    "the approved rows in another order": (
        PAGES, WHOLE, post({"all": "{{ steps.review.output.approved | sort('n', reverse=true) }}"}),
    ),
    "an object that a branch made of it": (PAGES, choice({"text": APPROVED, "by": "us"}), post("{{ steps.b.output }}")),
}  # fmt: skip
OWN: dict[str, tuple[Step, ...]] = {
    "the text of the other branch": (
        PAGES, choice({"text": APPROVED, "by": "us"}, "steps.get.output.status == 404"),
        publish("{{ steps.b.output.text }}"),
    ),
    "a text instead of a rejected one": (PAGES, FIRST, publish("{{ steps.review.output.approved | default('none') }}")),
    "a text instead of one that no one was asked for": (
        PAGES, {**FIRST, "when": "steps.get.output.status == 404"},
        publish("{{ steps.review.output.approved | default('none') }}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_approved_texts_are_published_together(name: str) -> None:
    finished, sent = run(*PUBLISHED[name], api=TWO, decide=lambda _: "approve")
    assert finished.status == "completed", finished.error
    assert MARK in sent


@pytest.mark.parametrize("name", OWN)
def test_the_authors_text_is_published_where_nothing_is_approved(name: str) -> None:
    finished, sent = run(*OWN[name], api=TWO, decide=lambda _: "reject")
    assert finished.status == "completed", finished.error
    assert sent
    assert MARK not in sent


def test_the_authors_text_is_published_though_another_is_approved() -> None:
    text = "{{ steps.review.output.approved if inputs.long else 'short' }}"
    finished, sent = run(PAGES, FIRST, publish(text), api=TWO, decide=lambda _: "approve", inputs={"long": False})
    assert finished.status == "completed", finished.error
    assert "short" in sent


@pytest.mark.parametrize("content", [["a", "evil"], {"t": "a"}, [{"t": "a"}], [["evil"]]])
def test_a_list_with_anything_that_is_not_approved_is_refused(content: Any) -> None:
    step = Api.model_validate(post(content))
    ledger = MemoryLedger()
    ledger.approved_hashes.update(map(content_hash, (["a", "b"], "a", "b")))
    text = Unproven(place=("json",), trail="json <- get (web page)", approved=(["a", "b"],))
    with pytest.raises(StepError, match="no reviewer has approved"):
        ensure_proven(step, [text])
    with pytest.raises(StepError, match="not what a reviewer approved"):
        asyncio.run(ensure_approved(step, [("json",)], ledger, unproven=[text]))
    with pytest.raises(StepError, match="not what a reviewer approved"):
        asyncio.run(ensure_approved(step, [("json",)], ledger, proven=[("form",)]))


def test_a_place_that_is_not_in_the_content_is_checked_as_a_whole() -> None:
    step = Api.model_validate(post({"other": "evil"}))
    with pytest.raises(StepError, match="no reviewer has approved"):
        ensure_proven(step, [Unproven(place=("json", "t"), trail="json.t <- get (web page)", approved=("a",))])


LOOKED_UP: Step = {"id": "ours", "type": "page", "url": "https://evil.example/page"}
TRUSTED: Step = publish(
    "{{ steps.ours.output.title }}", trust={"source": "ours", "reason": "our own page", "by": "Ana"}
)
INSIDE: Step = {"id": "each", "type": "iteration", "over": "['a']", "steps": [LOOKED_UP, TRUSTED]}


def test_a_waiver_covers_its_source_in_every_item() -> None:
    finished, sent = run(INSIDE)
    assert finished.status == "completed", finished.error
    assert MARK in sent


def test_a_waiver_covers_its_source_in_a_called_workflow() -> None:
    part = {"schema": "flowbuilder/v1", "name": "part", "hosts": HOSTS, "steps": [INSIDE]}
    finished, sent = run({"id": "call", "type": "workflow", "name": "part"}, called=(part,))
    assert finished.status == "completed", finished.error
    assert MARK in sent


def once_more() -> Any:
    answers = iter([Answer(verb="request-changes", comment="again")])
    return lambda _: next(answers, "approve")


def test_a_waiver_covers_its_source_in_every_round() -> None:
    asked = review("{{ steps.ours.output.title }}", on_changes_requested={"rewind_to": "ours"})
    finished, sent = run(LOOKED_UP, asked, TRUSTED | {"depends_on": "review"}, decide=once_more())
    assert finished.status == "completed", finished.error
    assert MARK in sent


def test_a_waiver_of_a_step_named_feedback_does_not_cover_what_was_proposed_before() -> None:
    """The two have been one name; so have `sub.error` and the step `error` in the called workflow."""
    feedback: Step = {**API, "id": "feedback"}
    asked = review("{{ steps.get.output.title }}", on_changes_requested={"rewind_to": "get"})
    text = "{{ steps.feedback.output.body.kind }}{{ feedback.previous.title if feedback else '' }}"
    waiver = {"source": "feedback", "reason": "our own", "by": "Ana"}
    with pytest.raises(DefinitionError, match="the previous round"):
        run(feedback, GET, asked, publish(text, trust=waiver, depends_on="review"), decide=once_more())


def test_a_step_named_error_in_a_called_workflow_is_not_the_error_of_the_call() -> None:
    part = {"schema": "flowbuilder/v1", "name": "part", "hosts": HOSTS, "inputs": {"x": {}}, "steps": [
        GET, {"id": "error", "type": "code", "source": "t", "with": {"t": "{{ steps.get.output.title }}"}},
    ], "outputs": {"t": "{{ steps.error.output }}"}}  # fmt: skip
    call: Step = {"id": "sub", "type": "workflow", "name": "part", "with": {"x": "{{ steps.own.output.body.kind }}"}}
    waiver = {"source": "own", "reason": "our own", "by": "Ana"}
    with pytest.raises(DefinitionError, match=r"sub\.error <- sub\.get"):
        run({**API, "id": "own"}, call, publish("{{ steps.sub.output.t }}", trust=waiver), called=(part,))


def test_the_store_is_asked_once_for_all_parts() -> None:
    class Counting(MemoryLedger):
        asked = 0

        async def approved(self, *content_hashes: str) -> bool:
            self.asked += 1
            return await super().approved(*content_hashes)

    rows: list[Any] = [{"t": str(number)} for number in range(50)]
    ledger = Counting()
    ledger.approved_hashes.update(content_hash(row["t"]) for row in rows)
    parts = [Unproven(place=("json", number, "t"), trail="") for number in range(50)]
    step = Api.model_validate(post(rows))
    asyncio.run(ensure_approved(step, [("json",)], ledger, unproven=parts))
    assert ledger.asked == 1
    ledger.approved_hashes.remove(content_hash("31"))
    with pytest.raises(StepError, match=r"json\.31\.t is not"):
        asyncio.run(ensure_approved(step, [("json",)], ledger, unproven=parts))
