"""Contract of reviews and their queue, for every store."""

from datetime import timedelta

import pytest

from flowbuilder.errors import Conflict, LostLease, NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Assignment, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ReviewFilter, Store
from tests.support.store_contract import TTL, StoreHarness

ANA, BEN, CAT = "ana@example.com", "ben@example.com", "cat@example.com"
SITE = {"site": "e.example", "reviewers": {"editors": [ANA, BEN]}}
ODD = {"text": "nul \0 and half \ud83d", "float": 1e22}


def asks(**more: object) -> ReviewRequest:
    return ReviewRequest(**{"title": "May it go out?", "proposal": "new", **more})  # type: ignore[arg-type]


def paths(store: Store, where: ReviewFilter | None = None) -> list[str]:
    return [review.path for review in store.reviews(where or ReviewFilter(), limit=100).reviews]


# --- opening ---


def test_a_question_becomes_an_open_review(harness: StoreHarness) -> None:
    lease = harness.claim(site_record=SITE)
    request = asks(
        base=ODD, proposal=ODD, findings=({"rule": "links"},), due_in=60.0, expires_in=120.0, on_expire="escalate",
        assign=Assignment(group="editors", people=(CAT,), quorum=2, not_author=True), may_request_changes=False,
        round=2,
    )  # fmt: skip
    review = harness.open_review(lease, "review#2", request)
    assert harness.store.review(review.id) == review
    assert review.request == request
    assert (review.status, review.version, review.execution_id, review.path) == ("open", 1, "run-1", "review#2")
    assert review.content_hash == request.content_hash()
    now = harness.clock.now()
    assert (review.due_at, review.expires_at) == (now + timedelta(seconds=60), now + timedelta(seconds=120))
    event = harness.store.events("run-1")[-1]
    assert (event.type, event.path, event.data["review_id"]) == ("review_opened", "review#2", review.id)


def test_opening_a_review_again_returns_the_existing_one(harness: StoreHarness) -> None:
    lease = harness.claim()
    first = harness.open_review(lease)
    assert harness.open_review(lease, request=asks(title="Otherwise")) == first
    decided = harness.approve(first)
    assert harness.open_review(lease) == decided
    assert harness.event_types().count("review_opened") == 1
    assert harness.store.pending_counts() == {}


def test_a_missing_review_is_not_found(harness: StoreHarness) -> None:
    for call in (
        lambda: harness.store.review("nothing"),
        lambda: harness.store.claim_review("nothing", ANA, TTL),
        lambda: harness.store.release_review("nothing", ANA),
        lambda: harness.store.decide("nothing", Answer(kind="approved", by=ANA, seen_version=1, seen_hash="")),
    ):
        with pytest.raises(NotFound):
            call()


# --- decisions ---


def test_a_decision_is_stored_and_makes_the_execution_ready(harness: StoreHarness) -> None:
    lease = harness.claim()
    review = harness.open_review(lease, request=asks(proposal=ODD))
    harness.store.settle(lease, "waiting", events=[])
    harness.clock.advance(5)
    answer = Answer(
        kind="approved", by=ANA, comment="fine \0", comments=({"hunk": 1, "text": "ok"},), seen_version=1,
        seen_hash=review.content_hash,
    )  # fmt: skip
    decided = harness.store.decide(review.id, answer)
    made = decided.decision
    assert made is not None
    assert (decided.status, decided.version) == ("decided", 2)
    assert (made.kind, made.by, made.at, made.approved, made.edited) == (
        "approved", ANA, harness.clock.now(), ODD, False,
    )  # fmt: skip
    assert made.comments == ({"hunk": 1, "text": "ok"},)
    assert made.shown_hash == review.content_hash
    assert harness.store.review(review.id).decision == harness.store.decisions("run-1")["review"]
    assert [execution.id for execution in harness.store.ready()] == ["run-1"]
    event = harness.store.events("run-1")[-1]
    assert (event.type, event.data["decision"], event.data["by"]) == ("review_decided", "approved", ANA)


def test_an_edit_replaces_the_approved_proposal(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    made = harness.store.decide(
        review.id, Answer(kind="approved", by=ANA, edited="better", seen_version=1, seen_hash=review.content_hash)
    ).decision
    assert made is not None
    assert (made.approved, made.edited) == ("better", True)
    assert made.approved_hash is not None


@pytest.mark.parametrize("seen", [(2, None), (1, "0" * 64)])
def test_a_version_that_was_not_seen_cannot_be_decided(harness: StoreHarness, seen: tuple[int, str | None]) -> None:
    review = harness.open_review(harness.claim())
    version, shown = seen
    with pytest.raises(Conflict):
        harness.store.decide(
            review.id, Answer(kind="approved", by=ANA, seen_version=version, seen_hash=shown or review.content_hash)
        )
    assert harness.store.review(review.id) == review


def test_a_second_decision_is_refused_and_names_the_first_reviewer(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    harness.approve(review, ANA)
    with pytest.raises(Conflict, match=r"already decided: ana@example\.com approved it"):
        harness.approve(review, BEN)
    assert harness.store.decisions("run-1")["review"].by == ANA


def test_an_approval_short_of_the_quorum_leaves_it_open(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(assign=Assignment(quorum=2)))
    counted = harness.approve(review, ANA)
    assert (counted.status, counted.version, counted.approvals) == ("open", 2, (ANA,))
    assert harness.store.review(review.id) == counted
    assert harness.store.decisions("run-1") == {}
    assert harness.store.pending_counts() == {"refresh": 1}
    with pytest.raises(Refused, match="already"):
        harness.approve(counted, ANA)
    assert harness.approve(counted, BEN).status == "decided"
    assert harness.event_types()[-2:] == ["review_approved", "review_decided"]
    assert [event.data["edited"] for event in harness.store.events("run-1") if event.type == "review_approved"] == [
        False
    ]


def test_an_edit_short_of_the_quorum_is_shown_to_the_next_reviewer(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(assign=Assignment(quorum=2)))
    edited = harness.store.decide(
        review.id, Answer(kind="approved", by=ANA, edited="better", seen_version=1, seen_hash=review.content_hash)
    )
    assert (edited.request.proposal, edited.amended_by) == ("better", ANA)
    assert edited.content_hash != review.content_hash
    assert harness.store.review(review.id) == edited
    made = harness.approve(edited, BEN).decision
    assert made is not None
    assert (made.approved, made.edited) == ("better", True)
    (event,) = [event for event in harness.store.events("run-1") if event.type == "review_approved"]
    assert (event.data["edited"], event.data["content_hash"]) == (True, edited.content_hash)


def test_only_assigned_reviewers_may_decide(harness: StoreHarness) -> None:
    lease = harness.claim(site_record=SITE)
    review = harness.open_review(lease, request=asks(assign=Assignment(group="editors")))
    with pytest.raises(Refused, match="assigned to"):
        harness.approve(review, CAT)
    with pytest.raises(Refused, match="assigned to"):
        harness.store.claim_review(review.id, CAT, TTL)
    assert harness.approve(review, "ANA@example.com").status == "decided"


def test_the_author_may_be_excluded(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(assign=Assignment(not_author=True)))
    with pytest.raises(Refused, match="wrote this workflow"):
        harness.approve(review, "kim@example.com")


def test_without_a_recorded_author_the_author_cannot_be_excluded_and_the_review_is_held(harness: StoreHarness) -> None:
    document = {"name": "old"}
    saved = harness.store.save_version(name="old", title="Old", document=document, source="", digest="d2")
    harness.store.publish("old")
    now = harness.clock.now()
    old = Execution(
        id="old-1",
        workflow="old",
        version=saved.number,
        digest="d2",
        status="queued",
        inputs={},
        created_at=now,
        ready_at=now,
    )
    harness.store.create_execution(old)
    lease = harness.store.claim("old-1", "worker-1", TTL)
    asked = asks(assign=Assignment(people=(ANA,), not_author=True), expires_in=60.0, on_expire="approved")
    review = harness.open_review(lease, request=asked)
    for by in (ANA, CAT):
        with pytest.raises(Refused, match="who wrote this version of the workflow is not recorded"):
            harness.approve(review, by)
    with pytest.raises(Refused, match="is not recorded"):
        harness.store.claim_review(review.id, ANA, TTL)
    listed = [harness.store.reviews(ReviewFilter(assignee=by)).reviews for by in (ANA, CAT)]
    assert [len(found) for found in listed] == [1, 0]
    harness.clock.advance(120)
    (expired,) = harness.store.expire_reviews()
    assert expired.decision is not None
    assert expired.decision.kind == "withdrawn"
    again = harness.store.save_version(
        name="old", title="Old", document=document, source="", digest="d2", author="kim@example.com"
    )
    assert (again.number, again.author) == (saved.number + 1, "kim@example.com")
    same = harness.store.save_version(
        name="old", title="Old", document=document, source="", digest="d2", author="lee@example.com"
    )
    assert same.number == again.number


def test_a_decision_that_the_worker_has_not_seen_makes_a_waiting_execution_ready(harness: StoreHarness) -> None:
    lease = harness.claim()
    review = harness.open_review(lease)
    harness.approve(review)
    waits = NewEvent(type="execution_waiting", data={"reviews": ["review"], "until": None})
    settled = harness.store.settle(lease, "waiting", events=[waits])
    assert settled.ready_at == harness.clock.now()


def test_a_decision_that_the_worker_has_seen_does_not(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.approve(harness.open_review(lease))
    harness.open_review(lease, "other")
    waits = NewEvent(type="execution_waiting", data={"reviews": ["other"], "until": None})
    assert harness.store.settle(lease, "waiting", events=[waits]).ready_at is None


def test_a_decision_of_an_earlier_epoch_was_seen_by_the_claim(harness: StoreHarness) -> None:
    lease = harness.claim()
    review = harness.open_review(lease)
    harness.store.settle(lease, "waiting", events=[])
    harness.approve(review)
    lease = harness.store.claim("run-1", "worker-2", TTL)
    assert harness.store.settle(lease, "waiting", events=[]).ready_at is None


# --- claims ---


def test_a_claim_excludes_others_until_it_expires(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    claimed = harness.store.claim_review(review.id, ANA, timedelta(seconds=60))
    assert (claimed.claimed_by, claimed.version) == (ANA, 2)
    assert claimed.claimed_until == harness.clock.now() + timedelta(seconds=60)
    with pytest.raises(Conflict, match=r"ana@example\.com has claimed this review"):
        harness.store.claim_review(review.id, BEN, TTL)
    harness.clock.advance(61)
    assert harness.store.claim_review(review.id, BEN, TTL).claimed_by == BEN


def test_extending_a_claim_keeps_the_version_of_the_review(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    first = harness.store.claim_review(review.id, ANA, TTL)
    harness.clock.advance(5)
    again = harness.store.claim_review(review.id, ANA, TTL)
    assert (again.version, again.claimed_until) == (first.version, harness.clock.now() + TTL)
    assert harness.event_types().count("review_claimed") == 1
    assert harness.approve(first).status == "decided"


def test_a_claim_can_be_released_by_its_owner(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    assert harness.store.release_review(review.id, ANA) == review
    harness.store.claim_review(review.id, ANA, TTL)
    with pytest.raises(Conflict):
        harness.store.release_review(review.id, BEN)
    freed = harness.store.release_review(review.id, ANA)
    assert (freed.claimed_by, freed.claimed_until, freed.version) == (None, None, 3)
    assert harness.event_types()[-2:] == ["review_claimed", "review_released"]


def test_a_decided_review_can_be_neither_claimed_nor_released(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim())
    harness.approve(review)
    with pytest.raises(Conflict, match="already decided"):
        harness.store.claim_review(review.id, BEN, TTL)
    with pytest.raises(Conflict, match="already decided"):
        harness.store.release_review(review.id, BEN)


# --- expiry ---


@pytest.mark.parametrize(("on_expire", "kind", "approved"), [
    ("approved", "approved", "new"), ("rejected", "rejected", None), ("withdrawn", "withdrawn", None),
])  # fmt: skip
def test_an_expired_review_ends_as_on_expire_says(
    harness: StoreHarness, on_expire: str, kind: str, approved: str | None
) -> None:
    lease = harness.claim()
    review = harness.open_review(lease, request=asks(expires_in=60.0, on_expire=on_expire))
    harness.store.settle(lease, "waiting", events=[])
    assert harness.store.expire_reviews() == ()
    harness.clock.advance(60)
    (lapsed,) = harness.store.expire_reviews()
    assert lapsed == harness.store.review(review.id)
    assert lapsed.decision is not None
    assert (lapsed.decision.kind, lapsed.decision.by, lapsed.decision.approved) == (kind, "flowbuilder", approved)
    assert harness.event_types()[-1] == "review_expired"
    assert harness.store.expire_reviews() == ()
    assert [execution.id for execution in harness.store.ready()] == ["run-1"]
    with pytest.raises(Conflict):
        harness.approve(review)


def test_an_escalated_review_stays_open_once_more(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(expires_in=60.0, on_expire="escalate"))
    harness.clock.advance(61)
    (escalated,) = harness.store.expire_reviews()
    assert (escalated.status, escalated.escalations) == ("open", 1)
    assert escalated.expires_at == harness.clock.now() + timedelta(seconds=120)
    assert harness.store.decisions("run-1") == {}
    harness.clock.advance(121)
    (ended,) = harness.store.expire_reviews()
    assert ended.id == review.id
    assert ended.decision is not None
    assert ended.decision.kind == "withdrawn"


def test_reviews_expire_in_the_order_of_their_deadlines(harness: StoreHarness) -> None:
    lease = harness.claim()
    for path, expires_in in (("c", 30.0), ("a", 10.0), ("b", 20.0), ("never", None)):
        harness.open_review(lease, path, asks(expires_in=expires_in))
    harness.clock.advance(31)
    assert [review.path for review in harness.store.expire_reviews(limit=2)] == ["a", "b"]
    assert [review.path for review in harness.store.expire_reviews()] == ["c"]


@pytest.mark.parametrize("end", ["completed", "cancelled while free", "cancelled at the end"])
def test_open_reviews_close_when_their_execution_ends(harness: StoreHarness, end: str) -> None:
    lease = harness.claim()
    review, other = harness.open_review(lease), harness.open_review(lease, "other")
    if end == "completed":
        harness.store.settle(lease, "completed", events=[])
    elif end == "cancelled while free":
        harness.store.settle(lease, "waiting", events=[])
        harness.store.request_control("run-1", "cancel", ANA)
    else:
        harness.store.request_control("run-1", "cancel", ANA)
        harness.store.settle(lease, "waiting", events=[])
    for item in (review, other):
        decision = harness.store.review(item.id).decision
        assert decision is not None
        assert (decision.kind, decision.by) == ("withdrawn", "flowbuilder")
    assert harness.store.pending_counts() == {}
    assert paths(harness.store) == []
    with pytest.raises(Conflict):
        harness.approve(review)
    with pytest.raises(LostLease):
        harness.open_review(lease, "late")


# --- the queue ---


def test_the_queue_is_ordered_by_due_date_then_age(harness: StoreHarness) -> None:
    lease = harness.claim()
    for path, due_in in (("undated", None), ("late", 90.0), ("soon", 30.0), ("undated too", None)):
        harness.open_review(lease, path, asks(due_in=due_in))
        harness.clock.advance(1)
    assert paths(harness.store) == ["soon", "late", "undated", "undated too"]


def test_pages_follow_each_other_while_reviews_are_decided(harness: StoreHarness) -> None:
    lease = harness.claim()
    for number in range(7):
        harness.open_review(lease, f"r{number}", asks(due_in=float(number // 3)))
    first = harness.store.reviews(ReviewFilter(), limit=3)
    assert [review.path for review in first.reviews] == ["r0", "r1", "r2"]
    harness.approve(first.reviews[2])
    second = harness.store.reviews(ReviewFilter(), limit=3, cursor=first.next)
    assert [review.path for review in second.reviews] == ["r3", "r4", "r5"]
    last = harness.store.reviews(ReviewFilter(), limit=3, cursor=second.next)
    assert ([review.path for review in last.reviews], last.next) == (["r6"], None)
    with pytest.raises(Refused, match="start again"):
        harness.store.reviews(ReviewFilter(), cursor="nothing")


def test_a_full_last_page_has_no_next_page(harness: StoreHarness) -> None:
    lease = harness.claim()
    for number in range(4):
        harness.open_review(lease, f"r{number}")
    page = harness.store.reviews(ReviewFilter(), limit=4)
    assert (len(page.reviews), page.next) == (4, None)
    assert harness.store.reviews(ReviewFilter(workflow="other")).reviews == ()


def test_reviews_are_filtered_by_their_fields(harness: StoreHarness) -> None:
    store = harness.store
    harness.create_execution("run-2", site="two.example")
    one, two = harness.claim("run-1"), store.claim("run-2", "worker-1", TTL)
    harness.approve(harness.open_review(one, "done"))
    harness.open_review(one, "here", asks(title="Refresh ÄRGER 100%"))
    harness.open_review(two, "there")
    assert paths(store, ReviewFilter(status=None)) == ["done", "here", "there"]
    assert paths(store, ReviewFilter(status="decided")) == ["done"]
    assert paths(store, ReviewFilter(execution_id="run-1")) == ["here"]
    assert paths(store, ReviewFilter(execution_id="missing")) == []
    assert paths(store, ReviewFilter(site="two.example")) == ["there"]
    assert paths(store, ReviewFilter(workflow="refresh", account="default")) == ["here", "there"]
    assert paths(store, ReviewFilter(account="other")) == []
    assert paths(store, ReviewFilter(text="ärger 100%")) == ["here"]
    assert paths(store, ReviewFilter(text="r_fresh")) == []
    assert paths(store, ReviewFilter(text="two.EXAMPLE", site="two.example")) == ["there"]


def test_a_person_can_filter_reviews_that_they_may_decide(harness: StoreHarness) -> None:
    lease = harness.claim(site_record=SITE)
    harness.open_review(lease, "anyone", asks(due_in=40.0, assign=Assignment(anyone=True)))
    harness.open_review(lease, "editors", asks(due_in=30.0, assign=Assignment(group="editors")))
    harness.open_review(lease, "cat", asks(due_in=20.0, assign=Assignment(people=(CAT,))))
    harness.open_review(lease, "cat too", asks(due_in=10.0, assign=Assignment(group="editors", people=(CAT,))))
    harness.open_review(lease, "nowhere group", asks(due_in=5.0, assign=Assignment(group="missing")))
    assert paths(harness.store, ReviewFilter(assignee="Ana@example.com")) == [
        "nowhere group", "cat too", "editors", "anyone",
    ]  # fmt: skip
    assert paths(harness.store, ReviewFilter(assignee=CAT)) == ["nowhere group", "cat too", "cat", "anyone"]
    assert paths(harness.store, ReviewFilter(assignee="dan@example.com", workflow="refresh")) == [
        "nowhere group",
        "anyone",
    ]
    first = harness.store.reviews(ReviewFilter(assignee=CAT), limit=2)
    second = harness.store.reviews(ReviewFilter(assignee=CAT), limit=2, cursor=first.next)
    assert [review.path for review in second.reviews] == ["cat", "anyone"]
    harness.approve(first.reviews[1], CAT)
    assert paths(harness.store, ReviewFilter(assignee=CAT, status="decided")) == ["cat too"]


def test_counts_follow_reviews_that_open_and_close(harness: StoreHarness) -> None:
    assert harness.store.pending_counts() == {}
    lease = harness.claim()
    first, _ = harness.open_review(lease), harness.open_review(lease, "other")
    assert harness.store.pending_counts() == {"refresh": 2}
    harness.approve(first)
    assert harness.store.pending_counts() == {"refresh": 1}
    harness.store.settle(lease, "failed", events=[])
    assert harness.store.pending_counts() == {}
