"""Reviews and their queue, as every store keeps them."""

from datetime import timedelta

import pytest

from flowbuilder.errors import Conflict, LostLease, NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Assignment, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ReviewFilter, Store
from tests.support.store_contract import TTL, World

ANA, BEN, CAT = "ana@example.com", "ben@example.com", "cat@example.com"
SITE = {"site": "e.example", "reviewers": {"editors": [ANA, BEN]}}
ODD = {"text": "nul \0 and half \ud83d", "float": 1e22}


def asks(**more: object) -> ReviewRequest:
    return ReviewRequest(**{"title": "May it go out?", "proposal": "new", **more})  # type: ignore[arg-type]


def paths(store: Store, where: ReviewFilter | None = None) -> list[str]:
    return [review.path for review in store.reviews(where or ReviewFilter(), limit=100).reviews]


# --- asked ---


def test_a_question_becomes_an_open_review(world: World) -> None:
    lease = world.held(site_record=SITE)
    request = asks(
        base=ODD, proposal=ODD, findings=({"rule": "links"},), due_in=60.0, expires_in=120.0, on_expire="escalate",
        assign=Assignment(group="editors", people=(CAT,), quorum=2, not_author=True), may_request_changes=False,
        round=2,
    )  # fmt: skip
    review = world.asked(lease, "review#2", request)
    assert world.store.review(review.id) == review
    assert review.request == request
    assert (review.status, review.version, review.execution_id, review.path) == ("open", 1, "run-1", "review#2")
    assert review.content_hash == request.content_hash()
    now = world.clock.now()
    assert (review.due_at, review.expires_at) == (now + timedelta(seconds=60), now + timedelta(seconds=120))
    event = world.store.events("run-1")[-1]
    assert (event.type, event.path, event.data["review_id"]) == ("review_opened", "review#2", review.id)


def test_asking_again_gives_the_review_that_is_there(world: World) -> None:
    lease = world.held()
    first = world.asked(lease)
    assert world.asked(lease, request=asks(title="Otherwise")) == first
    decided = world.approve(first)
    assert world.asked(lease) == decided
    assert world.types().count("review_opened") == 1
    assert world.store.pending_counts() == {}


def test_a_review_that_is_not_there_is_not_found(world: World) -> None:
    for call in (
        lambda: world.store.review("nothing"),
        lambda: world.store.claim_review("nothing", ANA, TTL),
        lambda: world.store.release_review("nothing", ANA),
        lambda: world.store.decide("nothing", Answer(kind="approved", by=ANA, seen_version=1, seen_hash="")),
    ):
        with pytest.raises(NotFound):
            call()


# --- decided ---


def test_a_decision_is_kept_and_makes_the_execution_ready(world: World) -> None:
    lease = world.held()
    review = world.asked(lease, request=asks(proposal=ODD))
    world.store.settle(lease, "waiting", events=[])
    world.clock.advance(5)
    answer = Answer(
        kind="approved", by=ANA, comment="fine \0", comments=({"hunk": 1, "text": "ok"},), seen_version=1,
        seen_hash=review.content_hash,
    )  # fmt: skip
    decided = world.store.decide(review.id, answer)
    made = decided.decision
    assert made is not None
    assert (decided.status, decided.version) == ("decided", 2)
    assert (made.kind, made.by, made.at, made.approved, made.edited) == (
        "approved", ANA, world.clock.now(), ODD, False,
    )  # fmt: skip
    assert made.comments == ({"hunk": 1, "text": "ok"},)
    assert made.shown_hash == review.content_hash
    assert world.store.review(review.id).decision == world.store.decisions("run-1")["review"]
    assert [execution.id for execution in world.store.ready()] == ["run-1"]
    event = world.store.events("run-1")[-1]
    assert (event.type, event.data["decision"], event.data["by"]) == ("review_decided", "approved", ANA)


def test_an_edit_is_what_is_approved(world: World) -> None:
    review = world.asked(world.held())
    made = world.store.decide(
        review.id, Answer(kind="approved", by=ANA, edited="better", seen_version=1, seen_hash=review.content_hash)
    ).decision
    assert made is not None
    assert (made.approved, made.edited) == ("better", True)
    assert made.approved_hash is not None


@pytest.mark.parametrize("seen", [(2, None), (1, "0" * 64)])
def test_what_was_not_seen_cannot_be_decided(world: World, seen: tuple[int, str | None]) -> None:
    review = world.asked(world.held())
    version, shown = seen
    with pytest.raises(Conflict):
        world.store.decide(
            review.id, Answer(kind="approved", by=ANA, seen_version=version, seen_hash=shown or review.content_hash)
        )
    assert world.store.review(review.id) == review


def test_who_comes_second_is_told_who_was_first(world: World) -> None:
    review = world.asked(world.held())
    world.approve(review, ANA)
    with pytest.raises(Conflict, match=r"already decided: ana@example\.com approved it"):
        world.approve(review, BEN)
    assert world.store.decisions("run-1")["review"].by == ANA


def test_an_approval_short_of_the_quorum_leaves_it_open(world: World) -> None:
    review = world.asked(world.held(), request=asks(assign=Assignment(quorum=2)))
    counted = world.approve(review, ANA)
    assert (counted.status, counted.version, counted.approvals) == ("open", 2, (ANA,))
    assert world.store.review(review.id) == counted
    assert world.store.decisions("run-1") == {}
    assert world.store.pending_counts() == {"refresh": 1}
    with pytest.raises(Refused, match="already"):
        world.approve(counted, ANA)
    assert world.approve(counted, BEN).status == "decided"
    assert world.types()[-2:] == ["review_approved", "review_decided"]


def test_an_edit_short_of_the_quorum_is_what_the_next_one_sees(world: World) -> None:
    review = world.asked(world.held(), request=asks(assign=Assignment(quorum=2)))
    edited = world.store.decide(
        review.id, Answer(kind="approved", by=ANA, edited="better", seen_version=1, seen_hash=review.content_hash)
    )
    assert (edited.request.proposal, edited.amended_by) == ("better", ANA)
    assert edited.content_hash != review.content_hash
    assert world.store.review(review.id) == edited
    made = world.approve(edited, BEN).decision
    assert made is not None
    assert (made.approved, made.edited) == ("better", True)


def test_only_those_who_are_asked_may_decide(world: World) -> None:
    lease = world.held(site_record=SITE)
    review = world.asked(lease, request=asks(assign=Assignment(group="editors")))
    with pytest.raises(Refused, match="assigned to"):
        world.approve(review, CAT)
    with pytest.raises(Refused, match="assigned to"):
        world.store.claim_review(review.id, CAT, TTL)
    assert world.approve(review, " ANA@example.com ").status == "decided"


def test_the_author_may_be_excluded(world: World) -> None:
    review = world.asked(world.held(), request=asks(assign=Assignment(not_author=True)))
    with pytest.raises(Refused, match="wrote this workflow"):
        world.approve(review, "kim@example.com")


def test_a_decision_that_the_worker_has_not_seen_makes_a_waiting_execution_ready(world: World) -> None:
    lease = world.held()
    review = world.asked(lease)
    world.approve(review)
    waits = NewEvent(type="execution_waiting", data={"reviews": ["review"], "until": None})
    settled = world.store.settle(lease, "waiting", events=[waits])
    assert settled.ready_at == world.clock.now()


def test_a_decision_that_the_worker_has_seen_does_not(world: World) -> None:
    lease = world.held()
    world.approve(world.asked(lease))
    world.asked(lease, "other")
    waits = NewEvent(type="execution_waiting", data={"reviews": ["other"], "until": None})
    assert world.store.settle(lease, "waiting", events=[waits]).ready_at is None


def test_a_decision_of_an_earlier_epoch_was_seen_when_it_was_taken_up(world: World) -> None:
    lease = world.held()
    review = world.asked(lease)
    world.store.settle(lease, "waiting", events=[])
    world.approve(review)
    lease = world.store.claim("run-1", "worker-2", TTL)
    assert world.store.settle(lease, "waiting", events=[]).ready_at is None


# --- claimed ---


def test_a_claim_keeps_others_off_until_it_runs_out(world: World) -> None:
    review = world.asked(world.held())
    claimed = world.store.claim_review(review.id, ANA, timedelta(seconds=60))
    assert (claimed.claimed_by, claimed.version) == (ANA, 2)
    assert claimed.claimed_until == world.clock.now() + timedelta(seconds=60)
    with pytest.raises(Conflict, match=r"ana@example\.com has claimed this review"):
        world.store.claim_review(review.id, BEN, TTL)
    world.clock.advance(61)
    assert world.store.claim_review(review.id, BEN, TTL).claimed_by == BEN


def test_extending_a_claim_is_no_change_of_the_review(world: World) -> None:
    review = world.asked(world.held())
    first = world.store.claim_review(review.id, ANA, TTL)
    world.clock.advance(5)
    again = world.store.claim_review(review.id, ANA, TTL)
    assert (again.version, again.claimed_until) == (first.version, world.clock.now() + TTL)
    assert world.types().count("review_claimed") == 1
    assert world.approve(first).status == "decided"


def test_a_claim_can_be_taken_back_by_its_owner(world: World) -> None:
    review = world.asked(world.held())
    assert world.store.release_review(review.id, ANA) == review
    world.store.claim_review(review.id, ANA, TTL)
    with pytest.raises(Conflict):
        world.store.release_review(review.id, BEN)
    freed = world.store.release_review(review.id, ANA)
    assert (freed.claimed_by, freed.claimed_until, freed.version) == (None, None, 3)
    assert world.types()[-2:] == ["review_claimed", "review_released"]


def test_a_decided_review_can_be_neither_claimed_nor_released(world: World) -> None:
    review = world.asked(world.held())
    world.approve(review)
    with pytest.raises(Conflict, match="already decided"):
        world.store.claim_review(review.id, BEN, TTL)
    with pytest.raises(Conflict, match="already decided"):
        world.store.release_review(review.id, BEN)


# --- over ---


@pytest.mark.parametrize(("on_expire", "kind", "approved"), [
    ("approved", "approved", "new"), ("rejected", "rejected", None), ("withdrawn", "withdrawn", None),
])  # fmt: skip
def test_a_review_whose_time_is_over_ends_as_it_says(
    world: World, on_expire: str, kind: str, approved: str | None
) -> None:
    lease = world.held()
    review = world.asked(lease, request=asks(expires_in=60.0, on_expire=on_expire))
    world.store.settle(lease, "waiting", events=[])
    assert world.store.expire_reviews() == ()
    world.clock.advance(60)
    (lapsed,) = world.store.expire_reviews()
    assert lapsed == world.store.review(review.id)
    assert lapsed.decision is not None
    assert (lapsed.decision.kind, lapsed.decision.by, lapsed.decision.approved) == (kind, "flowbuilder", approved)
    assert world.types()[-1] == "review_expired"
    assert world.store.expire_reviews() == ()
    assert [execution.id for execution in world.store.ready()] == ["run-1"]
    with pytest.raises(Conflict):
        world.approve(review)


def test_an_escalated_review_stays_open_once_more(world: World) -> None:
    review = world.asked(world.held(), request=asks(expires_in=60.0, on_expire="escalate"))
    world.clock.advance(61)
    (escalated,) = world.store.expire_reviews()
    assert (escalated.status, escalated.escalations) == ("open", 1)
    assert escalated.expires_at == world.clock.now() + timedelta(seconds=120)
    assert world.store.decisions("run-1") == {}
    world.clock.advance(121)
    (ended,) = world.store.expire_reviews()
    assert ended.id == review.id
    assert ended.decision is not None
    assert ended.decision.kind == "withdrawn"


def test_the_longest_over_come_first(world: World) -> None:
    lease = world.held()
    for path, expires_in in (("c", 30.0), ("a", 10.0), ("b", 20.0), ("never", None)):
        world.asked(lease, path, asks(expires_in=expires_in))
    world.clock.advance(31)
    assert [review.path for review in world.store.expire_reviews(limit=2)] == ["a", "b"]
    assert [review.path for review in world.store.expire_reviews()] == ["c"]


@pytest.mark.parametrize("end", ["completed", "cancelled while free", "cancelled at the end"])
def test_open_reviews_close_when_their_execution_ends(world: World, end: str) -> None:
    lease = world.held()
    review, other = world.asked(lease), world.asked(lease, "other")
    if end == "completed":
        world.store.settle(lease, "completed", events=[])
    elif end == "cancelled while free":
        world.store.settle(lease, "waiting", events=[])
        world.store.request_control("run-1", "cancel", ANA)
    else:
        world.store.request_control("run-1", "cancel", ANA)
        world.store.settle(lease, "waiting", events=[])
    for item in (review, other):
        decision = world.store.review(item.id).decision
        assert decision is not None
        assert (decision.kind, decision.by) == ("withdrawn", "flowbuilder")
    assert world.store.pending_counts() == {}
    assert paths(world.store) == []
    with pytest.raises(Conflict):
        world.approve(review)
    with pytest.raises(LostLease):
        world.asked(lease, "late")


# --- the queue ---


def test_the_queue_is_ordered_by_due_date_then_age(world: World) -> None:
    lease = world.held()
    for path, due_in in (("undated", None), ("late", 90.0), ("soon", 30.0), ("undated too", None)):
        world.asked(lease, path, asks(due_in=due_in))
        world.clock.advance(1)
    assert paths(world.store) == ["soon", "late", "undated", "undated too"]


def test_pages_follow_each_other_whatever_is_decided_meanwhile(world: World) -> None:
    lease = world.held()
    for number in range(7):
        world.asked(lease, f"r{number}", asks(due_in=float(number // 3)))
    first = world.store.reviews(ReviewFilter(), limit=3)
    assert [review.path for review in first.reviews] == ["r0", "r1", "r2"]
    world.approve(first.reviews[2])
    second = world.store.reviews(ReviewFilter(), limit=3, cursor=first.next)
    assert [review.path for review in second.reviews] == ["r3", "r4", "r5"]
    last = world.store.reviews(ReviewFilter(), limit=3, cursor=second.next)
    assert ([review.path for review in last.reviews], last.next) == (["r6"], None)
    with pytest.raises(Refused, match="start again"):
        world.store.reviews(ReviewFilter(), cursor="nothing")


def test_a_last_page_that_is_just_full_has_no_next(world: World) -> None:
    lease = world.held()
    for number in range(4):
        world.asked(lease, f"r{number}")
    page = world.store.reviews(ReviewFilter(), limit=4)
    assert (len(page.reviews), page.next) == (4, None)
    assert world.store.reviews(ReviewFilter(workflow="other")).reviews == ()


def test_reviews_are_found_by_what_they_are(world: World) -> None:
    store = world.store
    world.execution("run-2", site="two.example")
    one, two = world.held("run-1"), store.claim("run-2", "worker-1", TTL)
    world.approve(world.asked(one, "done"))
    world.asked(one, "here", asks(title="Refresh ÄRGER 100%"))
    world.asked(two, "there")
    assert paths(store, ReviewFilter(status=None)) == ["done", "here", "there"]
    assert paths(store, ReviewFilter(status="decided")) == ["done"]
    assert paths(store, ReviewFilter(execution_id="run-1")) == ["here"]
    assert paths(store, ReviewFilter(execution_id="nobody")) == []
    assert paths(store, ReviewFilter(site="two.example")) == ["there"]
    assert paths(store, ReviewFilter(workflow="refresh", account="default")) == ["here", "there"]
    assert paths(store, ReviewFilter(account="other")) == []
    assert paths(store, ReviewFilter(text="ärger 100%")) == ["here"]
    assert paths(store, ReviewFilter(text="r_fresh")) == []
    assert paths(store, ReviewFilter(text="two.EXAMPLE", site="two.example")) == ["there"]


def test_a_person_finds_what_they_may_decide(world: World) -> None:
    lease = world.held(site_record=SITE)
    world.asked(lease, "anyone", asks(due_in=40.0))
    world.asked(lease, "editors", asks(due_in=30.0, assign=Assignment(group="editors")))
    world.asked(lease, "cat", asks(due_in=20.0, assign=Assignment(people=(CAT,))))
    world.asked(lease, "cat too", asks(due_in=10.0, assign=Assignment(group="editors", people=(CAT,))))
    world.asked(lease, "nowhere group", asks(due_in=5.0, assign=Assignment(group="nobody")))
    assert paths(world.store, ReviewFilter(assignee=" Ana@example.com")) == [
        "nowhere group", "cat too", "editors", "anyone",
    ]  # fmt: skip
    assert paths(world.store, ReviewFilter(assignee=CAT)) == ["nowhere group", "cat too", "cat", "anyone"]
    assert paths(world.store, ReviewFilter(assignee="dan@example.com", workflow="refresh")) == [
        "nowhere group",
        "anyone",
    ]
    first = world.store.reviews(ReviewFilter(assignee=CAT), limit=2)
    second = world.store.reviews(ReviewFilter(assignee=CAT), limit=2, cursor=first.next)
    assert [review.path for review in second.reviews] == ["cat", "anyone"]
    world.approve(first.reviews[1], CAT)
    assert paths(world.store, ReviewFilter(assignee=CAT, status="decided")) == ["cat too"]


def test_counts_follow_what_opens_and_closes(world: World) -> None:
    assert world.store.pending_counts() == {}
    lease = world.held()
    first, _ = world.asked(lease), world.asked(lease, "other")
    assert world.store.pending_counts() == {"refresh": 2}
    world.approve(first)
    assert world.store.pending_counts() == {"refresh": 1}
    world.store.settle(lease, "failed", events=[])
    assert world.store.pending_counts() == {}
