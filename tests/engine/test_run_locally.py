"""Whole executions in this process, on the fakes that users get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbuilder.analysis.model import Analysis
from flowbuilder.app import App
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.errors import Conflict, DefinitionError, Refused
from flowbuilder.model.review_rules import Answer as ReviewAnswer
from flowbuilder.testing import Answer, Finished, MemoryStore, run_locally

HERE = Path(__file__).parent
BATCH = (HERE / "batch.yaml").read_text()
NOTE = (HERE / "note.yaml").read_text()
PAGES = [f"https://tea.example/{number}" for number in range(20)]


def run_batch(**options: object) -> Finished:
    return run_locally(BATCH, {"pages": PAGES}, called=(NOTE,), **options)  # type: ignore[arg-type]


def document(*steps: dict[str, object], **more: object) -> dict[str, object]:
    return {"schema": "flowbuilder/v1", "name": "w", "title": "W", "steps": list(steps), **more}


def code(step_id: str, source: str, **more: object) -> dict[str, object]:
    return {"id": step_id, "type": "code", "source": source, **more}


def test_a_batch_waits_for_three_reviews_and_finishes_all_other_pages() -> None:
    finished = run_batch()
    assert finished.status == "waiting"
    assert [review.path for review in finished.waiting] == [f"refresh[{n}].review" for n in (3, 11, 19)]
    done = {path for path, outcome in finished.outcomes.items() if path.endswith(".draft")}
    assert len(done) == 20


def test_a_batch_completes_once_its_reviews_are_decided() -> None:
    finished = run_batch(decide=lambda review: "approve")
    assert finished.status == "completed", finished.error
    assert finished.outputs["size"] == "deep"
    assert finished.outputs["count"] == 20
    assert finished.outputs["done"] == 19
    assert finished.outputs["texts"][3] == "new https://tea.example/3 (2 words)"


def test_no_step_runs_twice_in_a_resumed_execution() -> None:
    finished = run_batch(decide=lambda review: "approve")
    started = [event.path for event in finished.events if event.type == "step_started"]
    assert len(started) == len(set(started))
    completed = [event.path for event in finished.events if event.type == "step_completed"]
    assert len(completed) == len(set(completed))


def test_a_note_of_the_walk_is_in_the_timeline_once() -> None:
    finished = run_batch(decide=lambda review: "approve")
    for kind in ("branch_taken", "step_skipped", "iteration_started", "item_failed"):
        paths = [event.path for event in finished.events if event.type == kind]
        assert len(paths) == len(set(paths)), kind


def test_a_request_for_changes_gives_the_drafting_step_the_comment() -> None:
    finished = run_locally(
        document(
            code("draft", "said", **{"with": {"said": "{{ feedback.comment if feedback else 'first' }}"}}),
            {
                "id": "review",
                "type": "human_review",
                "title": "Draft",
                "proposal": "{{ steps.draft.output }}",
                "on_changes_requested": {"rewind_to": "draft", "max_rounds": 2},
            },
            outputs={"text": "{{ steps.review.output.approved }}", "rounds": "{{ steps.review.output.rounds }}"},
        ),
        decide={"review": Answer(verb="request-changes", comment="shorter"), "review#2": "approve"},
    )
    assert finished.outputs == {"text": "shorter", "rounds": 2}


def test_an_edited_proposal_is_used_by_later_steps() -> None:
    finished = run_locally(
        document(
            {"id": "review", "type": "human_review", "title": "Draft", "proposal": "a text"},
            outputs={"text": "{{ steps.review.output.approved }}"},
        ),
        decide={"review": Answer(verb="approve", edited="a better text")},
    )
    assert finished.outputs == {"text": "a better text"}
    decision = finished.reviews[0].decision
    assert decision is not None
    assert decision.edited


def test_a_failing_step_fails_the_execution_and_is_named() -> None:
    finished = run_locally(document(code("bad", "1 / 0"), code("good", "1"), outputs={"x": "{{ steps.good.output }}"}))
    assert finished.status == "failed"
    assert finished.error is not None
    assert finished.error["path"] == "bad"
    assert "ZeroDivisionError" in finished.error["message"]
    assert finished.outcomes["good"].status == "completed"


def test_an_execution_that_fails_closes_its_reviews() -> None:
    finished = run_locally(
        document(
            {"id": "review", "type": "human_review", "title": "Draft"},
            code("bad", "1 / 0"),
            code("late", "1", depends_on=["review", "bad"]),
            outputs={"late": "{{ steps.late.output }}"},
        )
    )
    assert finished.status == "failed"
    assert not finished.waiting


def test_invalid_inputs_are_refused_before_a_step_runs() -> None:
    with pytest.raises(Refused, match="pages"):
        run_locally(BATCH, {"pages": "not a list"}, called=(NOTE,))
    with pytest.raises(Refused, match="pages"):
        run_locally(BATCH, {}, called=(NOTE,))


def test_a_document_with_errors_is_not_stored() -> None:
    with pytest.raises(DefinitionError, match="1 error"):
        run_locally(document(code("a", "1", depends_on=["missing"])))


def test_a_second_decision_is_refused_and_names_the_first_one() -> None:
    finished = run_batch()
    review = finished.waiting[0]
    finished.app.decide(review.id, ReviewAnswer.to(review, kind="approved", by="ana@example.com"))
    with pytest.raises(Conflict, match=r"ana@example\.com"):
        finished.app.decide(review.id, ReviewAnswer.to(review, kind="rejected", by="bob@example.com", comment="no"))


def test_a_paused_execution_stops_and_resumes() -> None:
    finished = run_batch()
    app, execution_id = finished.app, finished.execution.id
    assert app.pause(execution_id, by="ana").status == "paused"
    assert app.resume(execution_id, by="ana").status in ("queued", "waiting")


def test_a_cancelled_execution_ends_and_its_reviews_are_closed() -> None:
    finished = run_batch()
    app, execution_id = finished.app, finished.execution.id
    assert app.cancel(execution_id, by="ana").status == "cancelled"
    assert {review.status for review in app.reviews_of(execution_id)} == {"decided"}
    with pytest.raises(Refused):
        app.resume(execution_id, by="ana")


def test_standings_show_every_step_with_items_and_skipped_branches() -> None:
    finished = run_batch()
    step_views = {standing.id: standing for standing in finished.app.step_views(finished.execution.id)}
    assert step_views["numbers"].status == "completed"
    assert step_views["size"].output == "deep"
    assert step_views["refresh"].status == "running"
    assert step_views["summary"].status == "pending"
    inner = {standing.path for standing in step_views["refresh"].inside}
    assert "refresh[3].ask" in inner


def test_new_rules_do_not_stop_stored_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    waiting = run_locally(
        {
            "schema": "flowbuilder/v1",
            "name": "w",
            "title": "W",
            "steps": [{"id": "ask", "type": "human_review", "title": "ok?"}],
            "outputs": {"decision": "{{ steps.ask.output.decision }}"},
        },
        store=store,
    )

    def new_rule(analysis: Analysis) -> Iterator[Diagnostic]:
        yield Diagnostic(code="FB999", message="this is not allowed any more")

    monkeypatch.setattr("flowbuilder.analysis.linter.rules", lambda: {"new": new_rule})
    later = App(store, waiting.app.engine, waiting.app.settings)  # as in a new process, whose plan cache is empty
    assert [view.status for view in later.step_views(waiting.execution.id)] == ["waiting"]
    with pytest.raises(DefinitionError, match="not allowed any more"):
        later.publish("w")
