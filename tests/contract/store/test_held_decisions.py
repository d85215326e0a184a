"""Contract of decisions that can be undone, for every store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from flowbuilder.audit import audit
from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Assignment, Review, ReviewRequest
from flowbuilder.model.review_draft import MAX_HOLD, Draft
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ReviewFilter
from tests.support.store_contract import TTL, StoreHarness

ANA, BEN = "ana@example.com", "ben@example.com"
HOLD = timedelta(seconds=10)


def hold(
    harness: StoreHarness, review: Review, *, by: str = ANA, kind: Literal["approved", "rejected"] = "approved"
) -> Review:
    return harness.store.decide(review.id, Answer.to(review, kind=kind, by=by, comment="ok"), hold=HOLD)


def waiting(harness: StoreHarness, request: ReviewRequest | None = None) -> Review:
    """An open review of an execution that waits for it without a worker."""
    lease = harness.claim()
    review = harness.open_review(lease, request=request)
    harness.store.settle(lease, "waiting", events=[NewEvent(type="execution_waiting", data={"reviews": ["review"]})])
    return review


def test_a_held_decision_closes_the_review_and_no_worker_sees_it(harness: StoreHarness) -> None:
    review = waiting(harness)
    decided = hold(harness, review)
    assert harness.store.review(review.id) == decided
    assert (decided.status, decided.version, decided.awaits_decision) == ("decided", 2, True)
    assert decided.decision is not None
    assert (decided.decision.kind, decided.decision.by, decided.decision.approved) == ("approved", ANA, "new text")
    assert decided.decision.held_until == harness.clock.now() + HOLD
    assert harness.store.reviews(ReviewFilter()).reviews == ()
    assert harness.store.reviews(ReviewFilter(status="decided")).reviews == (decided,)
    assert harness.store.pending_counts() == {}
    assert harness.store.held_reviews() == (decided,)
    assert harness.store.decisions("run-1") == {}
    assert harness.store.execution("run-1").ready_at is None
    assert harness.store.release_decisions() == ()
    assert "review_decided" not in harness.event_types()


def test_a_held_decision_is_final_after_its_time_and_makes_the_execution_ready(harness: StoreHarness) -> None:
    review = waiting(harness)
    hold(harness, review)
    harness.clock.advance(HOLD.total_seconds())
    (final,) = harness.store.release_decisions()
    assert harness.store.review(review.id) == final
    assert final.decision is not None
    assert final.decision.held_until is None
    assert harness.store.decisions("run-1") == {"review": final.decision}
    assert harness.store.held_reviews() == harness.store.release_decisions() == ()
    assert [execution.id for execution in harness.store.ready()] == ["run-1"]
    assert harness.event_types()[-1] == "review_decided"
    with pytest.raises(Conflict, match="too late"):
        harness.store.undo_decision(review.id, ANA)


def test_an_undone_decision_opens_the_review_again(harness: StoreHarness) -> None:
    review = waiting(harness)
    hold(harness, review, kind="rejected")
    opened = harness.store.undo_decision(review.id, "ANA@example.com")
    assert harness.store.review(review.id) == opened
    assert (opened.status, opened.version, opened.decision) == ("open", 3, None)
    assert harness.store.reviews(ReviewFilter(assignee=BEN)).reviews == (opened,)
    assert harness.store.pending_counts() == {"refresh": 1}
    harness.clock.advance((2 * HOLD).total_seconds())
    assert harness.store.release_decisions() == ()
    assert harness.store.decisions("run-1") == {}
    with pytest.raises(Conflict, match="changed"):
        harness.store.decide(review.id, Answer.to(review, kind="approved", by=BEN))
    harness.approve(opened, BEN)
    assert harness.store.decisions("run-1")["review"].by == BEN
    assert harness.event_types().count("review_decided") == 1


def test_only_the_person_who_decided_can_undo_and_only_in_time(harness: StoreHarness) -> None:
    review = waiting(harness)
    with pytest.raises(Conflict, match="no decision to undo"):
        harness.store.undo_decision(review.id, ANA)
    decided = hold(harness, review)
    with pytest.raises(Conflict, match=f"only {ANA}"):
        harness.store.undo_decision(review.id, BEN)
    with pytest.raises(Conflict, match=f"{ANA} approved it"):
        harness.store.decide(review.id, Answer.to(decided, kind="rejected", by=BEN, comment="no"))
    harness.clock.advance(HOLD.total_seconds())  # over, although nothing has released it yet
    with pytest.raises(Conflict, match="too late"):
        harness.store.undo_decision(review.id, ANA)


def test_a_decision_without_a_hold_cannot_be_undone(harness: StoreHarness) -> None:
    review = waiting(harness)
    assert not harness.approve(review).awaits_decision
    with pytest.raises(Conflict, match="too late"):
        harness.store.undo_decision(review.id, ANA)


def test_a_hold_is_bounded(harness: StoreHarness) -> None:
    review = waiting(harness)
    with pytest.raises(Refused, match="at most 600 seconds"):
        harness.store.decide(
            review.id, Answer.to(review, kind="approved", by=ANA), hold=MAX_HOLD + timedelta(seconds=1)
        )
    assert harness.store.review(review.id) == review


def test_an_approval_short_of_the_quorum_is_never_held(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", assign=Assignment(quorum=2)))
    once = hold(harness, review)
    assert (once.status, once.approvals) == ("open", (ANA,))
    twice = hold(harness, once, by=BEN)
    assert (twice.status, twice.awaits_decision) == ("decided", True)
    assert harness.store.undo_decision(review.id, BEN).approvals == (ANA,)


def test_an_approval_short_of_the_quorum_is_taken_back_by_the_person_who_gave_it_last(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", assign=Assignment(quorum=3)))
    once = hold(harness, review)
    twice = hold(harness, once, by=BEN)
    with pytest.raises(Conflict, match="no decision to undo"):
        harness.store.undo_decision(review.id, ANA)
    undone = harness.store.undo_decision(review.id, BEN)
    assert (undone.status, undone.approvals, undone.version) == ("open", (ANA,), twice.version + 1)
    assert harness.store.review(review.id) == undone
    event = harness.store.events("run-1")[-1]
    assert (event.type, event.data["by"], event.data["approvals"]) == ("review_approval_undone", BEN, 1)
    again = hold(harness, undone, by=BEN)
    assert again.approvals == (ANA, BEN)


def edit(harness: StoreHarness, review: Review, edited: Any, *, by: str = ANA) -> Review:
    answer = Answer.to(review, kind="approved", by=by, edited=edited)
    return harness.store.decide(review.id, answer, hold=HOLD)


@pytest.mark.parametrize(("proposal", "edited"), [("new", "mine"), ({"a": [1]}, {"a": [2]}), (None, "mine"), ("x", "")])
def test_an_edit_short_of_the_quorum_is_taken_back_with_its_approval(
    harness: StoreHarness, proposal: Any, edited: Any
) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal=proposal, assign=Assignment(quorum=3)))
    once = hold(harness, review, by=BEN)
    changed = edit(harness, once, edited)
    assert (changed.request.proposal, changed.approvals, changed.amended_by) == (edited, (ANA,), ANA)
    with pytest.raises(Conflict, match="no decision to undo"):
        harness.store.undo_decision(review.id, BEN)
    undone = harness.store.undo_decision(review.id, ANA)
    assert undone == replace(once, version=changed.version + 1), "with the approval that the edit had voided"
    assert harness.store.review(review.id) == undone
    event = harness.store.events("run-1")[-1].data
    assert (event["by"], event["approvals"], event["edited"]) == (ANA, 1, True)
    assert event["content_hash"] == review.content_hash
    with pytest.raises(Conflict, match="no decision to undo"):
        harness.store.undo_decision(review.id, ANA)
    with pytest.raises(Conflict, match="has changed since you opened it"):
        hold(harness, changed, by=ANA)  # nothing is approved that is no longer on the screen
    twice = hold(harness, undone)
    assert twice.approvals == (BEN, ANA)


def test_an_edit_that_another_person_has_approved_stays(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", assign=Assignment(quorum=3)))
    hold(harness, edit(harness, review, "mine"), by=BEN)
    with pytest.raises(Conflict, match="no decision to undo"):
        harness.store.undo_decision(review.id, ANA)
    assert harness.store.undo_decision(review.id, BEN).request.proposal == "mine"
    assert harness.store.undo_decision(review.id, ANA).request.proposal == "new"


def test_of_several_edits_the_last_one_can_be_undone(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", assign=Assignment(quorum=2)))
    last = edit(harness, edit(harness, review, "first"), "second")
    assert (last.request.proposal, last.approvals) == ("second", (ANA,))
    assert harness.store.undo_decision(review.id, ANA).request.proposal == "first"
    with pytest.raises(Conflict, match="cannot be undone any more"):
        harness.store.undo_decision(review.id, ANA)


def test_an_edit_that_completes_the_quorum_is_held_and_undone_as_a_decision(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", assign=Assignment(quorum=2)))
    once = edit(harness, review, "mine")
    decided = hold(harness, once, by=BEN)
    assert decided.decision is not None
    assert (decided.decision.approved, decided.decision.edited) == ("mine", True)
    assert harness.store.undo_decision(review.id, BEN).request.proposal == "mine"
    assert harness.store.undo_decision(review.id, ANA).request.proposal == "new"


def test_a_review_does_not_expire_while_its_decision_is_held(harness: StoreHarness) -> None:
    review = waiting(harness, ReviewRequest(title="?", proposal="new", expires_in=5.0))
    hold(harness, review)
    harness.clock.advance(6)
    assert harness.store.expire_reviews() == ()
    harness.clock.advance(HOLD.total_seconds())
    (final,) = harness.store.release_decisions()
    assert final.decision is not None
    assert final.decision.kind == "approved"


@pytest.mark.parametrize("held_by_worker", [True, False])
def test_a_held_decision_is_final_when_the_execution_ends(harness: StoreHarness, held_by_worker: bool) -> None:
    lease = harness.claim()
    review, other = harness.open_review(lease), harness.open_review(lease, "other")
    hold(harness, review)
    if held_by_worker:
        harness.store.settle(lease, "failed", events=[NewEvent(type="execution_failed", data={"error": {}})])
    else:
        harness.store.settle(lease, "waiting", events=[NewEvent(type="execution_waiting", data={})])
        harness.store.request_control("run-1", "cancel", BEN)
    kinds = {path: decision.kind for path, decision in harness.store.decisions("run-1").items()}
    assert kinds == {"review": "approved", "other": "withdrawn"}
    assert harness.store.review(other.id).status == "decided"
    assert harness.store.held_reviews() == ()
    with pytest.raises(Conflict, match="too late"):
        harness.store.undo_decision(review.id, ANA)


def test_a_release_while_a_worker_holds_the_execution_is_not_missed(harness: StoreHarness) -> None:
    lease = harness.claim()
    review = harness.open_review(lease)
    hold(harness, review)
    harness.clock.advance(HOLD.total_seconds())
    harness.store.renew(lease, TTL)
    harness.store.release_decisions()
    event = NewEvent(type="execution_waiting", data={"reviews": ["review"]})
    assert harness.store.settle(lease, "waiting", events=[event]).ready_at == harness.clock.now()


def test_a_decision_deletes_the_draft_once_it_is_final(harness: StoreHarness) -> None:
    review = waiting(harness)
    for by in (ANA, BEN):
        harness.store.save_draft(Draft(review_id=review.id, by=by, comment="half a th"))
    hold(harness, review)
    assert harness.store.draft(review.id, ANA) is not None
    harness.clock.advance(HOLD.total_seconds())
    harness.store.release_decisions()
    assert harness.store.draft(review.id, ANA) is None
    assert harness.store.draft(review.id, BEN) is not None


def test_of_an_undo_and_a_release_one_happens(harness: StoreHarness) -> None:
    review = waiting(harness)
    for _ in range(5):
        hold(harness, harness.store.review(review.id))
        with ThreadPoolExecutor(4) as pool:
            released = [pool.submit(harness.store.release_decisions) for _ in range(3)]
            undone = pool.submit(harness.store.undo_decision, review.id, ANA)
            harness.clock.advance(HOLD.total_seconds())
        made = [review for future in released for review in future.result()]
        if undone.exception() is None:
            assert (made, harness.store.decisions("run-1")) == ([], {})
            continue
        assert isinstance(undone.exception(), Conflict)
        harness.store.release_decisions()
        assert len(harness.store.decisions("run-1")) == 1
        assert harness.event_types().count("review_decided") == 1
        return


def test_the_audit_accepts_a_held_decision(harness: StoreHarness) -> None:
    review = waiting(harness)
    before = audit(harness.store)
    hold(harness, review)
    assert audit(harness.store) == before
