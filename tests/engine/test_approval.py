"""Only approved content is published: whole executions on the public fakes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flowbuilder.definition.loader import load
from flowbuilder.engine.effects.approval_guard import approves, ensure_approved
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.errors import DefinitionError, StepError
from flowbuilder.model.review import Decision
from flowbuilder.model.review_rules import Answer as ReviewAnswer
from flowbuilder.model.review_rules import content_hash
from flowbuilder.plan.compiler import compile_plan
from flowbuilder.plan.nodes import TaskNode
from flowbuilder.steps.builtin.cms import CmsStep
from flowbuilder.testing import Answer, FakeHttp, FakeModel, MemoryCms, MemoryLedger, fake_ports, run_locally

URL = "https://example.com/a"
STEPS: list[dict[str, Any]] = [
    {"id": "page", "type": "page", "url": URL},
    {
        "id": "draft",
        "type": "llm",
        "model": "fake:one",
        "prompt": "Rewrite {{ steps.page.output.text }}",
        "output_schema": {"type": "object", "properties": {"title": {"type": "string"}, "body": {"type": "string"}},
                          "required": ["title", "body"]},
    },
    {
        "id": "review",
        "type": "human_review",
        "title": "Look at this",
        "proposal": {"title": "{{ steps.draft.output.title }}", "body": "{{ steps.draft.output.body }}"},
    },
    {
        "id": "publish",
        "type": "cms",
        "operation": "update",
        "url": URL,
        "title": "{{ steps.review.output.approved.title }}",
        "body": "{{ steps.review.output.approved.body }}",
        "when": 'steps.review.output.decision == "approved"',
    },
]  # fmt: skip


def document(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": "w", "steps": list(steps or STEPS)}


def cms_and_ports() -> tuple[MemoryCms, Any]:
    cms = MemoryCms({URL: "old"})
    model = FakeModel([{"title": "New", "body": "new"}])
    return cms, fake_ports(cms=cms, models=model, http=FakeHttp({URL: "<html><body><p>old text</p></body></html>"}))


def plan_of(value: dict[str, Any]) -> Any:
    definition, _ = load(value)
    assert definition is not None
    return compile_plan(definition)


def test_the_plan_says_what_needs_approval() -> None:
    plan = plan_of(document())
    demands = {node.id: node.approvals for node in plan.block if isinstance(node, TaskNode)}
    assert demands == {"page": (), "draft": (), "publish": (("body",), ("title",))}
    assert plan.json()["steps"][-1]["approvals"] == ["/body", "/title"]
    assert "with approval of body, title" in str(plan)


def test_an_approved_proposal_and_a_reviewers_edit_are_published() -> None:
    cms, ports = cms_and_ports()
    assert run_locally(document(), ports=ports, decide={"review": "approve"}).status == "completed"
    assert [(write.title, write.body) for write in cms.writes] == [("New", "new")]
    cms, ports = cms_and_ports()
    edit = Answer(verb="approve", edited={"title": "Mine", "body": "mine"})
    assert run_locally(document(), ports=ports, decide={"review": edit}).status == "completed"
    assert [(write.title, write.body) for write in cms.writes] == [("Mine", "mine")]


@pytest.mark.parametrize(
    ("reads", "ended"),
    [(0, ("paused", "damaged")), (1, ("failed", "not_approved"))],
    ids=["before the resume", "during the run"],
)
def test_content_changed_in_the_store_after_the_review_is_not_published(reads: int, ended: tuple[str, str]) -> None:
    cms, ports = cms_and_ports()
    finished = run_locally(document(), ports=ports)
    (review,) = finished.waiting
    finished.app.decide(review.id, ReviewAnswer.to(review, kind="approved", by="ana"))
    store: Any = finished.store
    whole, left = store.decisions, [None] * reads

    def tampered(execution_id: str) -> dict[str, Decision]:
        found: dict[str, Decision] = whole(execution_id)
        if left:
            left.pop()
            return found
        return {path: replace(one, approved={"title": "New", "body": "buy pills"}) for path, one in found.items()}

    store.decisions = tampered
    result = asyncio.run(LocalRunner(store, ports).run(finished.execution.id))
    assert result.error is not None
    assert (result.status, result.error["code"]) == ended
    assert cms.writes == []


def test_a_text_changed_on_its_way_to_the_publishing_step_is_not_published() -> None:
    step = CmsStep(id="publish", type="cms", operation="update", url=URL, body="approved, and more")
    ledger = MemoryLedger()
    ledger.approved_hashes.add(content_hash("approved"))
    with pytest.raises(StepError, match="body is not what a reviewer approved") as problem:
        asyncio.run(ensure_approved(step, [("body",)], ledger))
    assert problem.value.code == "not_approved"
    ledger.approved_hashes.add(content_hash("approved, and more"))
    asyncio.run(ensure_approved(step, [("body",), ("title",)], ledger))


def test_an_approval_covers_the_whole_and_its_parts_only() -> None:
    approved = {"pages": [{"title": "One"}, {"title": "Two"}]}
    decision = Decision(
        kind="approved", by="ana", at=datetime.now(UTC), approved=approved, approved_hash=content_hash(approved)
    )
    for part in (approved, approved["pages"], {"title": "Two"}, "One"):
        assert approves(decision, content_hash(part))
    assert not approves(decision, content_hash("Three"))
    assert not approves(replace(decision, kind="rejected"), content_hash("One"))
    assert not approves(replace(decision, approved="One"), content_hash("One"))


def test_a_waiver_needs_no_approval_and_is_recorded() -> None:
    publish = {**STEPS[3], "title": "{{ steps.draft.output.title }}", "body": "{{ steps.draft.output.body }}"}
    del publish["when"]
    with pytest.raises(DefinitionError, match="FB401"):
        plan_of(document(*STEPS[:2], publish))
    trust = {"source": "page", "reason": "our own page", "by": "Ana"}
    cms, ports = cms_and_ports()
    finished = run_locally(document(*STEPS[:2], {**publish, "trust": trust}), ports=ports)
    assert finished.status == "completed"
    assert len(cms.writes) == 1
    started = next(event for event in finished.events if event.type == "step_started" and event.path == "publish")
    assert started.data["trust"] == [trust]


SWEEP = {
    "id": "sweep", "type": "iteration", "over": "['a']", "output": "{{ steps.inner.output }}",
    "steps": [
        {"id": "inner", "type": "conditional", "else": {"output": "{{ steps.page.output.text }}", "steps": [STEPS[0]]},
         "branches": [{"when": "item | length > 3", "steps": [], "output": "none"}]},
    ],
}  # fmt: skip


def test_a_waiver_of_an_iteration_covers_the_steps_inside_and_the_hint_names_it() -> None:
    publish = {"id": "publish", "type": "cms", "operation": "update", "url": URL,
               "body": "{{ steps.sweep.output.outputs[0] }}"}  # fmt: skip
    with pytest.raises(DefinitionError) as caught:
        plan_of(document(SWEEP, publish))
    (found,) = caught.value.report.errors
    assert (found.code, "trust: {source: sweep," in found.hint) == ("FB401", True)
    cms, ports = cms_and_ports()
    trust = {"source": "sweep", "reason": "our own page", "by": "Ana"}
    assert run_locally(document(SWEEP, {**publish, "trust": trust}), ports=ports).status == "completed"
    assert [write.body for write in cms.writes] == ["old text"]


def test_a_waiver_of_an_iteration_does_not_cover_what_it_iterates_over() -> None:
    loop = {"id": "loop", "type": "iteration", "over": "[steps.page.output.text]", "output": "{{ item }}",
            "steps": [{"id": "other", "type": "code", "source": "1"}]}  # fmt: skip
    trust = {"source": "loop", "reason": "our own page", "by": "Ana"}
    publish = {"id": "publish", "type": "cms", "operation": "update", "url": URL, "trust": trust,
               "body": "{{ steps.loop.output.outputs[0] }} {{ steps.loop.output.items[0].output }}"}  # fmt: skip
    with pytest.raises(DefinitionError) as caught:
        plan_of(document(STEPS[0], loop, publish))
    assert "trust: {source: page," in next(item for item in caught.value.report.errors if item.code == "FB401").hint


def test_clean_content_needs_no_approval() -> None:
    cms, ports = cms_and_ports()
    publish = {"id": "publish", "type": "cms", "operation": "update", "url": URL, "body": "as written here"}
    assert run_locally(document(publish), ports=ports).status == "completed"
    assert [write.body for write in cms.writes] == ["as written here"]
