"""Contract of who may decide a review: names, groups, sites, held reviews, expiry, quorum; for every store."""

from datetime import timedelta
from typing import Any

import pytest

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.review import Assignment, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ReviewFilter, Store
from tests.support.store_contract import TTL, StoreHarness

ANA, BEN, CAT = "ana@example.com", "ben@example.com", "cat@example.com"
SITE = {"site": "e.example", "reviewers": {"editors": [ANA, BEN]}}
EDITORS = Assignment(group="editors")


def asks(**more: object) -> ReviewRequest:
    return ReviewRequest(**{"title": "May it go out?", "proposal": "new", **more})  # type: ignore[arg-type]


def paths(store: Store, where: ReviewFilter | None = None) -> list[str]:
    return [review.path for review in store.reviews(where or ReviewFilter(), limit=100).reviews]


def with_reviewers(reviewers: object) -> dict[str, Any]:
    return {"site": "e.example", "reviewers": reviewers}


# --- names ---


STRANGERS = {
    "a space behind": f"{ANA} ",
    "a space before": f" {ANA}",
    "a zero-width space": ANA.replace("ana", "a\u200bna"),
    "fullwidth letters": ANA.replace("a", "\uff41"),
    "a combining mark": ANA.replace("n", "n\u0303"),
    "another alphabet": ANA.replace("a", "\u0430"),
    "a non-breaking space": f"{ANA}\u00a0",
    "no name": "",
    "the product": "flowbuilder",
    "all people": "anyone",
}


@pytest.mark.parametrize("name", STRANGERS.values(), ids=STRANGERS)
def test_a_name_that_only_looks_like_a_reviewers_is_another_person(harness: StoreHarness, name: str) -> None:
    review = harness.open_review(harness.claim(site_record=SITE), request=asks(assign=Assignment(group="editors")))
    with pytest.raises(Refused):
        harness.approve(review, name)
    with pytest.raises(Refused):
        harness.store.claim_review(review.id, name, TTL)
    assert harness.store.review(review.id) == review
    assert paths(harness.store, ReviewFilter(assignee=name)) == []


@pytest.mark.parametrize(
    ("named", "other"),
    [
        ("kim@example.com", "\u212aim@example.com"),  # the Kelvin sign
        ("isil@example.com", "\u0131sil@example.com"),
        ("isil@example.com", "\u0130sil@example.com"),
        ("strasse@example.com", "stra\u00dfe@example.com"),
        ("ren\u00e9@example.com", "rene\u0301@example.com"),
        ("\u00c9ve@example.com", "\u00e9ve@example.com"),
        ("\u017fam@example.com", "sam@example.com"),
    ],
)
def test_names_are_not_folded(harness: StoreHarness, named: str, other: str) -> None:
    request = asks(assign=Assignment(people=(named,), quorum=2))
    review = harness.open_review(harness.claim(), request=request)
    with pytest.raises(Refused):
        harness.approve(review, other)
    counted = harness.approve(review, named)
    with pytest.raises(Refused, match="already"):
        harness.approve(counted, named)
    claimed = harness.store.claim_review(review.id, named, TTL)
    with pytest.raises(Conflict, match="claimed"):
        harness.store.claim_review(review.id, other, TTL)
    assert harness.store.review(review.id) == claimed


def test_one_person_counts_once_for_a_quorum_in_any_case_of_letters(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(assign=Assignment(quorum=2)))
    counted = harness.approve(review, ANA)
    with pytest.raises(Refused, match="already"):
        harness.approve(counted, ANA.upper())
    claimed = harness.store.claim_review(review.id, ANA, TTL)
    assert harness.store.claim_review(review.id, ANA.upper(), TTL).version == claimed.version


# --- reviews that are held ---

HELD = {
    "a group that the site lacks": (Assignment(group="legal"), SITE, "site e.example has no group legal"),
    "members written as a text": (EDITORS, with_reviewers({"editors": ANA}), "is not a list of names"),
    "members written as an object": (EDITORS, with_reviewers({"editors": {ANA: True}}), "is not a list of names"),
    "a group that was emptied": (
        EDITORS,
        with_reviewers({"editors": []}),
        "the group editors of site e.example is empty",
    ),
    "members that are no names": (EDITORS, with_reviewers({"editors": [7, None, "", " "]}), "is empty"),
    "no reviewers at the site": (EDITORS, {"site": "e.example"}, "no group editors"),
    "reviewers that are no groups": (EDITORS, with_reviewers([ANA]), "no group editors"),
    "an execution without a site": (EDITORS, {}, "the execution has no site"),
    "an empty name of a group": (Assignment(group=""), SITE, "no group"),
    "an empty list of people": (Assignment(people=()), SITE, "list of people is empty"),
    "people that are no names": (Assignment(people=("", "ana\u200b")), SITE, "list of people is empty"),
    "no assignment, all groups emptied": (Assignment(), with_reviewers({"a": [], "b": []}), "the group a of site"),
    "no assignment, reviewers written as a list": (Assignment(), with_reviewers([ANA]), "are not groups"),
    "a quorum and nothing else, emptied": (Assignment(quorum=2), with_reviewers({"editors": []}), "is empty"),
}


@pytest.mark.parametrize(("assign", "site", "why"), HELD.values(), ids=HELD)
def test_a_review_that_names_people_and_finds_none_is_held(
    harness: StoreHarness, assign: Assignment, site: dict[str, Any], why: str
) -> None:
    review = harness.open_review(harness.claim(site_record=site), request=asks(assign=assign, expires_in=60.0))
    for kind in ("approved", "rejected", "changes_requested", "withdrawn"):
        for by in (ANA, "mallory@elsewhere.example"):
            with pytest.raises(Refused, match=why):
                harness.store.decide(review.id, Answer.to(review, kind=kind, by=by, comment="no"))  # type: ignore[arg-type]
    with pytest.raises(Refused, match=why):
        harness.store.claim_review(review.id, ANA, TTL)
    assert harness.store.review(review.id) == review
    assert paths(harness.store, ReviewFilter(assignee=ANA)) == ["review"]  # everyone sees that it is held


def test_a_held_review_does_not_approve_itself(harness: StoreHarness) -> None:
    request = asks(assign=EDITORS, expires_in=60.0, on_expire="approved")
    harness.open_review(harness.claim(), request=request)
    harness.clock.advance(61)
    (ended,) = harness.store.expire_reviews()
    assert ended.decision is not None
    assert (ended.decision.kind, ended.decision.approved) == ("withdrawn", None)


def test_a_corrected_site_counts_for_reviews_that_are_open_already(harness: StoreHarness) -> None:
    store = harness.store
    store.save_site("e.example", with_reviewers({"editors": []}))
    harness.create_execution(site="e.example", site_record=with_reviewers({"editors": []}))
    lease = store.claim("run-1", "worker-1", TTL)
    review = harness.open_review(lease, request=asks(assign=EDITORS))
    assert paths(store, ReviewFilter(assignee=CAT)) == ["review"]
    with pytest.raises(Refused, match="is empty"):
        harness.approve(review, ANA)
    store.save_site("e.example", SITE)
    assert paths(store, ReviewFilter(assignee=ANA)) == ["review"]
    assert paths(store, ReviewFilter(assignee=CAT)) == []
    with pytest.raises(Refused, match="assigned to the group editors"):
        harness.approve(review, CAT)
    assert harness.approve(review, ANA).status == "decided"
    store.save_site("e.example", with_reviewers({"editors": [CAT]}))
    assert paths(store, ReviewFilter(assignee=CAT)) == []
    assert paths(store, ReviewFilter(assignee=ANA, status="decided")) == ["review"]


def test_a_person_who_left_the_group_decides_no_more_and_no_longer_counts(harness: StoreHarness) -> None:
    store = harness.store
    store.save_site("e.example", SITE)
    harness.create_execution(site="e.example", site_record=SITE)
    request = asks(assign=Assignment(group="editors", quorum=2))
    review = harness.open_review(store.claim("run-1", "worker-1", TTL), request=request)
    counted = harness.approve(review, ANA)
    store.save_site("e.example", with_reviewers({"editors": [BEN, CAT]}))
    with pytest.raises(Refused, match="assigned to"):
        harness.approve(counted, ANA)
    counted = harness.approve(counted, BEN)
    assert (counted.status, counted.approvals) == ("open", (BEN,))
    assert harness.approve(counted, CAT).status == "decided"


def test_a_decision_that_is_undone_after_its_site_was_corrected_waits_for_the_new_people(harness: StoreHarness) -> None:
    store = harness.store
    store.save_site("e.example", SITE)
    harness.create_execution(site="e.example", site_record=SITE)
    review = harness.open_review(store.claim("run-1", "worker-1", TTL), request=asks(assign=EDITORS))
    store.decide(review.id, Answer.to(review, kind="approved", by=ANA), hold=timedelta(seconds=10))
    store.save_site("e.example", with_reviewers({"editors": [CAT]}))
    opened = store.undo_decision(review.id, ANA)
    assert (paths(store, ReviewFilter(assignee=CAT)), paths(store, ReviewFilter(assignee=ANA))) == (["review"], [])
    with pytest.raises(Refused, match="assigned to"):
        harness.approve(opened, ANA)
    assert harness.approve(opened, CAT).status == "decided"


# --- who is asked where nothing is assigned ---


def test_a_site_that_names_reviewers_asks_them_where_nothing_is_assigned(harness: StoreHarness) -> None:
    site = with_reviewers({"editors": [ANA], "legal": [BEN], "former": []})
    review = harness.open_review(harness.claim(site_record=site))
    with pytest.raises(Refused, match="assigned to the site's reviewers"):
        harness.approve(review, CAT)
    assert harness.approve(review, BEN).status == "decided"


@pytest.mark.parametrize(
    ("assign", "site"),
    [
        (Assignment(), {}),
        (Assignment(), {"site": "e.example"}),
        (Assignment(), with_reviewers({})),
        (Assignment(), with_reviewers({"editors": "anyone"})),
        (EDITORS, with_reviewers({"editors": "anyone"})),
        (Assignment(anyone=True), SITE),
    ],
)
def test_anyone_decides_where_it_is_written_out_or_the_site_names_no_reviewers(
    harness: StoreHarness, assign: Assignment, site: dict[str, Any]
) -> None:
    review = harness.open_review(harness.claim(site_record=site), request=asks(assign=assign))
    assert harness.approve(review, CAT).status == "decided"


# --- edits, expiry, quorum ---


def test_a_question_of_the_product_takes_no_edit(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(may_edit=False))
    for edited in ("EDITED", "new", None):
        with pytest.raises(Refused, match="takes no edit"):
            harness.store.decide(review.id, Answer.to(review, kind="approved", by=ANA, edited=edited))
    made = harness.approve(review).decision
    assert made is not None
    assert (made.approved, made.edited) == ("new", False)


def test_an_edit_of_another_type_with_the_same_text_is_an_edit(harness: StoreHarness) -> None:
    request = asks(proposal={"a": 1}, assign=Assignment(quorum=2))
    review = harness.open_review(harness.claim(), request=request)
    counted = harness.approve(review, ANA)
    edited = harness.store.decide(counted.id, Answer.to(counted, kind="approved", by=BEN, edited='{"a":1}'))
    assert (edited.status, edited.approvals, edited.amended_by) == ("open", (BEN,), BEN)


@pytest.mark.parametrize("on_expire", ["approved", "rejected", "withdrawn", "escalate"])
def test_an_expired_review_cannot_be_decided_before_it_is_closed(harness: StoreHarness, on_expire: str) -> None:
    review = harness.open_review(harness.claim(), request=asks(expires_in=60.0, on_expire=on_expire))
    harness.clock.advance(60)
    for kind in ("approved", "rejected", "withdrawn"):
        with pytest.raises(Conflict, match="expired at"):
            harness.store.decide(review.id, Answer.to(review, kind=kind, by=ANA))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="expired at"):
        harness.store.claim_review(review.id, ANA, timedelta(seconds=60))
    assert harness.store.review(review.id) == review
    (ended,) = harness.store.expire_reviews()
    if on_expire == "escalate":
        assert harness.approve(ended, ANA).status == "decided"
    else:
        assert ended.status == "decided"


def test_an_edit_by_the_second_reviewer_restarts_the_quorum(harness: StoreHarness) -> None:
    review = harness.open_review(harness.claim(), request=asks(assign=Assignment(quorum=2)))
    first = harness.approve(review, ANA)
    edited = harness.store.decide(first.id, Answer.to(first, kind="approved", by=BEN, edited="better"))
    assert (edited.status, edited.approvals, edited.request.proposal) == ("open", (BEN,), "better")
    with pytest.raises(Conflict, match="has changed since"):
        harness.approve(first, CAT)
    made = harness.approve(edited, ANA).decision
    assert made is not None
    assert made.approved == "better"
