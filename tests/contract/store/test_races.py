"""Concurrent calls: the first one wins, the others get an error, and nothing is written twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

import pytest

from flowbuilder.errors import Conflict, LostLease
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.review import Assignment, OnExpire, Review, ReviewRequest
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ReviewFilter
from tests.support.store_contract import TTL, StoreHarness

T = TypeVar("T")
MANY = 20
EDITORS = Assignment(group="editors")


def at_once(work: Callable[[int], T], many: int = MANY) -> list[T | Exception]:
    """The results or errors of `work(0)` to `work(many - 1)`, run at once."""
    gate = Barrier(many)

    def one(number: int) -> T | Exception:
        gate.wait()
        try:
            return work(number)
        except (Conflict, LostLease) as problem:
            return problem

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


def test_of_twenty_who_decide_one_review_exactly_one_wins(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    results = at_once(lambda number: harness.approve(review, f"person-{number}@example.com"))
    winners = [result for result in results if not isinstance(result, Exception)]
    assert len(winners) == 1
    decision = harness.store.decisions("run-1")["review"]
    assert winners[0].decision == decision
    assert all(decision.by in str(result) for result in results if isinstance(result, Exception))
    assert harness.event_types().count("review_decided") == 1
    assert harness.store.pending_counts() == {}


def test_of_twenty_approvals_of_one_version_one_counts(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=ReviewRequest(title="?", assign=Assignment(quorum=5)))
    results = at_once(lambda number: harness.approve(review, f"person-{number}@example.com"))
    assert len([result for result in results if not isinstance(result, Exception)]) == 1
    assert len(harness.store.review(review.id).approvals) == 1


def test_of_twenty_workers_exactly_one_gets_the_lease(harness: StoreHarness) -> None:
    harness.create_execution()
    results = at_once(lambda number: harness.store.claim("run-1", f"worker-{number}", TTL))
    (lease,) = [result for result in results if isinstance(result, Lease)]
    found = harness.store.execution("run-1")
    assert (found.holder, found.epoch, found.attempt) == (lease.holder, 1, 1)


def test_of_twenty_who_take_over_an_expired_lease_one_does_and_one_death_is_counted(harness: StoreHarness) -> None:
    harness.claim()
    harness.clock.advance(16)
    results = at_once(lambda number: harness.store.claim("run-1", f"other-{number}", TTL))
    assert len([result for result in results if isinstance(result, Lease)]) == 1
    assert harness.store.execution("run-1").deaths == 1
    assert harness.event_types().count("worker_lost") == 1


def test_a_path_that_twenty_record_gets_one_outcome(harness: StoreHarness) -> None:
    lease = harness.claim()
    event = NewEvent(type="step_completed", path="a")

    def record(number: int) -> bool:
        harness.store.record_outcome(lease, Outcome(path="a", status="completed", output=number), [event])
        return True

    assert at_once(record).count(True) == 1
    assert len(harness.store.outcomes("run-1")) == 1
    assert harness.event_types() == ["execution_started", "step_completed"]


def test_events_that_many_write_are_numbered_without_a_gap(harness: StoreHarness) -> None:
    lease = harness.claim()
    events = [NewEvent(type="step_started", path="a"), NewEvent(type="step_completed", path="a")]

    def write(number: int) -> None:
        if number % 2:
            harness.store.append_events(lease, events)
        else:
            harness.store.record_event("run-1", NewEvent(type="control_requested", data={"by": str(number)}))

    at_once(write)
    assert [event.seq for event in harness.store.events("run-1")] == list(range(1, 32))
    types = harness.event_types()
    for index, kind in enumerate(types):
        if kind == "step_started":
            assert types[index + 1] == "step_completed"


def test_one_effect_key_that_many_begin_is_one_intent(harness: StoreHarness) -> None:
    leases = [harness.claim(f"run-{number}") for number in range(8)]
    results = at_once(
        lambda number: harness.store.begin_effect(
            leases[number], Intent(key="k", path="a", target="t", target_class="lookup", request_hash="h")
        ),
        8,
    )
    assert sum(not result.resumed for result in results if not isinstance(result, Exception)) == 1
    assert len({result.execution_id for result in results if not isinstance(result, Exception)}) == 1


def test_an_execution_created_concurrently_is_one(harness: StoreHarness) -> None:
    made = at_once(lambda _: harness.create_execution("same"))
    assert all(execution == made[0] for execution in made)
    assert harness.event_types("same") == ["execution_started"]


def test_a_document_that_many_save_is_one_version(harness: StoreHarness) -> None:
    def save(number: int) -> int:
        return harness.store.save_version(
            name="refresh", title="R", document={}, source="", digest=f"new-{number % 4}"
        ).number

    at_once(save)
    numbers = [version.number for version in harness.store.versions("refresh")]
    assert numbers == list(range(len(numbers), 0, -1))
    assert at_once(lambda _: harness.store.publish("refresh", numbers[0]).status) == ["published"] * MANY
    assert [version.status for version in harness.store.versions("refresh")].count("published") == 1


@pytest.mark.parametrize("round_", range(3))
def test_a_decision_races_an_expiry_and_a_cancellation_and_one_of_them_stands(
    harness: StoreHarness, round_: int
) -> None:
    lease = harness.claim()
    review = harness.open_review(lease, request=ReviewRequest(title="?", proposal=1, expires_in=1.0))
    harness.store.settle(lease, "waiting", events=[])
    harness.clock.advance(2)

    def act(number: int) -> object:
        if number % 3 == 0:
            return harness.approve(review)
        if number % 3 == 1:
            return harness.store.expire_reviews()
        return harness.store.request_control("run-1", "cancel", "ana")

    at_once(act, 9)
    closing = [kind for kind in harness.event_types() if kind in ("review_decided", "review_expired")]
    assert len(closing) == 1
    assert harness.store.execution("run-1").status == "cancelled"
    assert harness.event_types()[-1] == "execution_cancelled"
    assert harness.store.pending_counts() == {}


def test_edits_and_approvals_of_one_version_at_once_count_one_of_them(harness: StoreHarness) -> None:
    """No approval of one content counts for another: each decision has the approvals of exactly what was approved."""
    request = ReviewRequest(title="?", proposal="first", assign=Assignment(quorum=2))
    review = harness.open_review(harness.claim(), request=request)

    def answer(number: int) -> Review:
        edited = f"edit {number}" if number % 2 else NO_EDIT
        by = f"person-{number}@example.com"
        return harness.store.decide(review.id, Answer.to(review, kind="approved", by=by, edited=edited))

    counted = [result for result in at_once(answer) if not isinstance(result, Exception)]
    assert len(counted) == 1
    stored = harness.store.review(review.id)
    assert (stored, len(stored.approvals), stored.version) == (counted[0], 1, 2)

    def second(number: int) -> Review:
        edited = f"other {number}" if number % 2 else NO_EDIT
        by = f"second-{number}@example.com"
        return harness.store.decide(review.id, Answer.to(stored, kind="approved", by=by, edited=edited))

    (won,) = [result for result in at_once(second) if not isinstance(result, Exception)]
    if won.decision is not None:
        assert won.decision.approved == stored.request.proposal
        assert harness.event_types().count("review_decided") == 1
    else:
        assert len(won.approvals) == 1
        assert won.request.proposal != stored.request.proposal
    approvals = [event.data for event in harness.store.events("run-1") if event.type == "review_approved"]
    assert all(data["approvals"] == 1 for data in approvals)


@pytest.mark.parametrize("on_expire", ["approved", "escalate"])
def test_of_an_expiry_an_edit_and_a_last_approval_at_the_deadline_only_the_expiry_stands(
    harness: StoreHarness, on_expire: OnExpire
) -> None:
    request = ReviewRequest(
        title="?", proposal="first", expires_in=1.0, on_expire=on_expire, assign=Assignment(quorum=2)
    )
    review = harness.approve(harness.open_review(harness.claim(), request=request), "ana@example.com")
    harness.clock.advance(1)

    def act(number: int) -> object:
        by = f"person-{number}@example.com"
        if number % 3 == 0:
            return harness.store.decide(review.id, Answer.to(review, kind="approved", by=by))
        if number % 3 == 1:
            return harness.store.decide(review.id, Answer.to(review, kind="approved", by=by, edited="edited"))
        return harness.store.expire_reviews()

    results = at_once(act)
    assert all(isinstance(result, Exception) for number, result in enumerate(results) if number % 3 != 2)
    stored = harness.store.review(review.id)
    assert stored.request.proposal == "first"
    assert harness.event_types()[-1] == ("review_escalated" if on_expire == "escalate" else "review_expired")
    assert harness.event_types().count("review_decided") == 0
    if stored.decision is not None:
        assert (stored.decision.kind, stored.decision.approved, stored.decision.by) == (
            "approved",
            "first",
            "flowbuilder",
        )


def test_a_review_that_is_opened_while_its_site_is_saved_is_in_the_right_queues(harness: StoreHarness) -> None:
    store = harness.store
    groups = [[f"reviewer-{number}@example.com"] for number in range(6)]

    def record(number: int) -> dict[str, object]:
        return {"site": "e.example", "reviewers": {"editors": groups[number]}}

    store.save_site("e.example", record(0))
    leases = []
    for number in range(6):
        harness.create_execution(f"run-{number}", site="e.example", site_record=record(0))
        leases.append(store.claim(f"run-{number}", "worker-1", TTL))

    def work(number: int) -> None:
        if number % 2:
            store.save_site("e.example", record(number // 2))
        else:
            review = harness.open_review(leases[number // 2], request=ReviewRequest(title="?", assign=EDITORS))
            if number == 4:
                store.decide(review.id, Answer.to(review, kind="withdrawn", by="flowbuilder"))

    at_once(work, 12)
    (now,) = store.site("e.example")["reviewers"]["editors"]
    open_ids = {review.id for review in store.reviews(ReviewFilter(), limit=100).reviews}
    assert len(open_ids) == 5
    listed = {review.id for review in store.reviews(ReviewFilter(assignee=now), limit=100).reviews}
    assert listed == open_ids
    others = [name for (name,) in groups if name != now]
    assert all(store.reviews(ReviewFilter(assignee=name)).reviews == () for name in others)


def test_of_two_workers_the_one_that_lost_its_lease_writes_nothing_more(harness: StoreHarness) -> None:
    first = harness.claim()
    harness.clock.advance(16)

    def work(number: int) -> int:
        lease = first if number % 2 else harness.store.claim("run-1", "worker-2", TTL)
        for step in range(10):
            path = f"s{number}-{step}"
            event = NewEvent(type="step_completed", path=path)
            harness.store.record_outcome(lease, Outcome(path=path, status="completed"), [event])
        return number

    at_once(work, 2)
    kinds = harness.event_types()
    lost = kinds.index("worker_lost")
    paths = [event.path for event in harness.store.events("run-1")]
    assert all(path.startswith("s0") for path in paths[lost + 1 :])
    assert len(harness.store.outcomes("run-1")) == kinds.count("step_completed")


def test_the_queue_is_complete_while_reviews_open_and_close(harness: StoreHarness) -> None:
    leases = [harness.claim(f"run-{number}") for number in range(6)]

    def work(number: int) -> None:
        for step in range(5):
            review = harness.open_review(leases[number], f"r{step}")
            if step % 2:
                harness.approve(review)
        harness.store.reviews(ReviewFilter(), limit=100)

    at_once(work, 6)
    assert harness.store.pending_counts() == {"refresh": 18}
    assert len(harness.store.reviews(ReviewFilter(), limit=100).reviews) == 18


def test_of_many_concurrent_claims_of_a_review_one_wins(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    results = at_once(lambda number: harness.store.claim_review(review.id, f"p{number}", timedelta(seconds=60)))
    (claimed,) = [result for result in results if not isinstance(result, Exception)]
    assert harness.store.review(review.id).claimed_by == claimed.claimed_by
