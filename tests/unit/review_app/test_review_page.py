"""The review page without a browser: the queue, decisions, edits, and two reviewers at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from flowbuilder.ports import ReviewFilter
from review_app.widgets.editor import loss
from tests.support.page_reading import Open, alerts, markup, title, words
from tests.support.seeded_app import ANA, BEN, PAIR, SeededApp

ME = "dev@localhost"


def button(page: AppTest, name: str) -> Button:
    """A button by its name; the keys of guarded buttons end in the token of the drawn review."""
    (found,) = [each for each in page.button if str(each.key).partition(":")[0] == name or each.key == name]
    return found


def press(page: AppTest, name: str) -> AppTest:
    return button(page, name).click().run()


def test_the_review_that_is_due_first_is_shown(seeded_app: SeededApp, open_page: Open) -> None:
    first = seeded_app.ask("first")
    seeded_app.ask("second")
    page = open_page("review")
    assert title(page) == "Note: first"
    assert page.query_params["item"] == first.id


def test_a_deep_link_opens_its_review(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("first")
    second = seeded_app.ask("second")
    assert title(open_page("review", item=second.id)) == "Note: second"


def test_a_link_to_an_unknown_review_is_reported(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("review", item="no-such-review")
    assert "review not found" in alerts(page).lower()
    assert not page.exception


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"workflow": "pair"}, {"Both of you: c"}),
        ({"workflow": "note"}, {"Note: a", "Note: b"}),
        ({"search": "b"}, {"Note: b", "Both of you: c"}),
        ({"state": "decided"}, {"Note: d"}),
        ({"whose": "mine"}, {"Note: a", "Note: b"}),
        ({"workflow": "no-such-workflow"}, {"Note: a", "Note: b", "Both of you: c"}),
    ],
    ids=lambda given: str(given if isinstance(given, dict) else sorted(given)),
)
def test_filters_come_from_the_url(
    query: dict[str, str], shown: set[str], seeded_app: SeededApp, open_page: Open
) -> None:
    seeded_app.ask("a")
    seeded_app.ask("b")
    seeded_app.run("pair", {"what": "c"})
    seeded_app.decide(seeded_app.ask("d"))
    page = open_page("review", **query)
    assert not page.exception
    cards = {
        each.label.replace("\\", "").replace("\u2060", "") for each in page.button if str(each.key).startswith("row:")
    }
    assert cards == {f"Open {name}" for name in shown}


def test_the_queue_is_paged_forward_and_back(seeded_app: SeededApp, open_page: Open) -> None:
    for number in range(23):
        seeded_app.ask(f"number {number}")
    page = open_page("review")
    assert len([each for each in page.button if each.key.startswith("row:")]) == 20
    page = press(page, "more")
    assert title(page) == "Note: number 20"
    assert len([each for each in page.button if each.key.startswith("row:")]) == 3
    assert title(press(page, "back")) == "Note: number 0"


def test_next_continues_on_the_next_page(seeded_app: SeededApp, open_page: Open) -> None:
    reviews = [seeded_app.ask(f"number {number}") for number in range(21)]
    page = open_page("review", item=reviews[19].id)
    assert title(press(page, "next")) == "Note: number 20"


def test_next_and_previous_move_through_the_queue(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("one")
    seeded_app.ask("two")
    page = press(open_page("review"), "next")
    assert title(page) == "Note: two"
    assert button(page, "next").disabled
    assert title(press(page, "prev")) == "Note: one"


def test_after_a_decision_the_next_review_is_shown(seeded_app: SeededApp, open_page: Open) -> None:
    first = seeded_app.ask("first")
    seeded_app.ask("second")
    page = press(open_page("review"), "approve")
    assert title(page) == "Note: second"
    assert "Approved · Note: first" in alerts(page)
    decision = seeded_app.store.review(first.id).decision
    assert decision is not None
    assert (decision.kind, decision.by, decision.approved, decision.edited) == ("approved", ME, "first", False)
    assert decision.shown_hash == first.content_hash


@pytest.mark.parametrize(("key", "kind"), [("reject", "rejected"), ("changes", "changes_requested")])
def test_a_rejection_and_a_request_for_changes_need_a_comment(
    key: str, kind: str, seeded_app: SeededApp, open_page: Open
) -> None:
    review = seeded_app.ask("draft")
    page = press(open_page("review"), key)
    assert "need a comment" in alerts(page)
    assert seeded_app.store.review(review.id).status == "open"
    if button(page, key).disabled:
        return
    page.text_area(key=f"fb:comment:{review.id}").set_value("The tone is off.")
    press(page, key)
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.kind, decision.comment) == (kind, "The tone is off.")


def test_exactly_the_typed_edit_is_approved(seeded_app: SeededApp, open_page: Open) -> None:
    typed = "  draft, edited \n\n\tlast line\u200b \n"
    review = seeded_app.ask("draft")
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value(typed).run()
    assert "Your changes" in words(page)
    assert "1 invisible character" in words(page)
    press(page, "approve")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.approved, decision.edited) == (typed, True)


def test_changed_line_ends_alone_are_no_edit(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("one\r\ntwo\r")
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value("one\ntwo\n").run()
    press(page, "approve")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.approved, decision.edited) == ("one\r\ntwo\r", False)


def test_an_edit_that_python_considers_equal_is_an_edit(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": BEN}))
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value('{"headline": "hello", "words": 3.0}').run()
    press(page, "approve")
    assert str(seeded_app.store.review(review.id).request.proposal) == "{'headline': 'hello', 'words': 3.0}"


def test_editing_claims_the_review(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    page = press(open_page("review"), "edit")
    assert seeded_app.store.review(review.id).claimed_by == ME
    assert "Claimed by you" in words(page)
    press(page, "claim")
    assert seeded_app.store.review(review.id).claimed_by is None


def test_another_reviewers_claim_is_shown(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    seeded_app.app.claim(review.id, by=ANA)
    page = open_page("review")
    assert f"Claimed by {ANA}" in words(page)
    assert f"{ANA} has claimed this review until" in alerts(press(page, "claim"))


def test_a_structured_proposal_is_shown_field_by_field_and_edited_as_json(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": BEN}))
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    page = press(open_page("review"), "edit")
    assert "headline" in words(page)
    assert "<b>not checked</b>" in words(page)
    box = page.text_area(key=f"fb:edit:{review.id}")
    page = box.set_value('{"headline": "better", "words": 3').run()
    assert "Not valid JSON" in alerts(page)
    page = press(page, "approve")
    assert seeded_app.store.review(review.id).approvals == ()
    page = page.text_area(key=f"fb:edit:{review.id}").set_value("null").run()
    page = press(page, "approve")
    assert "null cannot be approved" in alerts(page)
    assert seeded_app.store.review(review.id).approvals == ()
    page.text_area(key=f"fb:edit:{review.id}").set_value('{"headline": "better", "words": 3}').run()
    press(page, "approve")
    assert seeded_app.store.review(review.id).request.proposal == {"headline": "better", "words": 3}


def test_the_slower_of_two_reviewers_sees_the_decision_and_keeps_their_comment(
    seeded_app: SeededApp, open_page: Open
) -> None:
    review = seeded_app.ask("draft")
    seeded_app.ask("another")
    page = open_page("review", item=review.id)
    seeded_app.decide(review, "rejected", by=BEN)
    page.text_area(key=f"fb:comment:{review.id}").set_value("I like it.")
    page = press(page, "approve")
    assert f"already decided: {BEN} rejected it" in " ".join(alerts(page).split()).replace("Already", "already")
    assert title(page) == "Note: draft"
    assert page.text_area(key=f"fb:comment:{review.id}").value == "I like it."
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert decision.by == BEN


def test_a_redraw_after_another_reviewers_decision_reports_it(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    page = open_page("review", item=review.id)
    seeded_app.decide(review, "approved", by=BEN)
    page = page.run()
    assert f"{BEN} decided this review while you had it open" in alerts(page)
    assert f"by {BEN}" in " ".join(words(page).split())


def test_two_approvals_are_needed_where_the_workflow_says_so(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded_app.app.publish(
        seeded_app.app.push(PAIR.replace("Two must agree", "Two must agree again"), author="carl").workflow
    )
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": BEN}))
    page = open_page("review", item=review.id)
    assert "0 of 2 approvals" in words(page)
    page = press(page, "approve")
    assert "1 more approval needed" in alerts(page)
    page = open_page("review", item=review.id)
    assert "You already approved this. 1 more approval needed." in words(page)
    assert button(page, "approve").disabled
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": ANA}))
    press(open_page("review", item=review.id), "approve")
    assert seeded_app.store.review(review.id).status == "decided"


def test_a_user_who_is_not_assigned_cannot_decide_and_sees_why(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.run("pair", {"what": "hello"})
    page = open_page("review")
    assert f"Only {ANA}, {BEN} can decide this review. You are {ME}." in words(page)
    assert all(button(page, key).disabled for key in ("approve", "changes", "reject", "edit", "claim"))


def test_the_author_of_a_workflow_sees_why_they_cannot_decide(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded_app.run("pair", {"what": "hello"})
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": ANA}))
    page = open_page("review")
    assert "authors cannot decide this review" in words(page)
    assert button(page, "approve").disabled


def test_the_edit_of_an_earlier_approval_is_announced(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded_app.app.publish(seeded_app.app.push(PAIR.replace("Two must", "Both must"), author="carl").workflow)
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    seeded_app.decide(review, by=BEN, edited={"headline": "changed", "words": 1})
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": ANA}))
    page = open_page("review", item=review.id)
    assert f"{BEN} edited and approved this" in " ".join(words(page).split())
    assert "changed" in words(page)


def test_a_withdrawn_review_is_explained(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    seeded_app.app.cancel(review.execution_id, by=ANA)
    page = open_page("review", item=review.id)
    assert "The review was withdrawn" in words(page)
    assert "approve" not in {str(each.key).partition(":")[0] for each in page.button}


def test_a_huge_text_is_compared_in_bounded_time(seeded_app: SeededApp, open_page: Open) -> None:
    text = "word " * 20_000
    seeded_app.ask(text + "end", before=text)
    page = open_page("review")
    assert not page.exception
    assert "+1" in words(page)


def test_an_empty_queue_shows_how_to_start(seeded_app: SeededApp, open_page: Open) -> None:
    page = open_page("review")
    assert "No reviews waiting" in words(page)
    assert seeded_app.store.reviews(ReviewFilter()).reviews == ()


def test_a_review_shows_its_due_date(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("draft")
    review = seeded_app.store.reviews(ReviewFilter()).reviews[0]
    assert review.due_at is not None
    assert review.due_at - review.created_at == timedelta(days=1)
    assert "Due in" in markup(open_page("review"))


def test_an_edit_is_drawn_from_the_draft_and_never_from_nothing(seeded_app: SeededApp, open_page: Open) -> None:
    review, _ = seeded_app.ask("draft"), seeded_app.ask("another")
    page = press(open_page("review", item=review.id), "edit")
    assert page.text_area(key=f"fb:edit:{review.id}").value == "draft"
    stored = seeded_app.store.draft(review.id, ME)
    assert stored is not None
    seeded_app.store.save_draft(replace(stored, edit="my edit of the draft", comment="half a th"))
    page = press(press(page, "next"), "prev")
    assert page.text_area(key=f"fb:edit:{review.id}").value == "my edit of the draft"
    assert page.text_area(key=f"fb:comment:{review.id}").value == "half a th"
    page = press(open_page("review", item=review.id), "approve")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.approved, decision.comment) == ("my edit of the draft", "half a th")


def test_a_closed_editor_keeps_its_text(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value("a longer draft")
    page = press(page, "edit")
    assert button(page, "approve").label == "Approve"
    page = press(page, "edit")
    assert page.text_area(key=f"fb:edit:{review.id}").value == "a longer draft"


@pytest.mark.parametrize(
    ("edit", "asked"),
    [
        ("", "Your edit is empty"),
        (" \n\t", "Your edit is empty"),
        ("Four words of it.", "drops more than half of the text"),
        ("The shop opens at ten, and it closes at six.", ""),
    ],
)
def test_an_edit_that_drops_the_text_is_confirmed_first(
    seeded_app: SeededApp, open_page: Open, edit: str, asked: str
) -> None:
    review = seeded_app.ask("The shop opens at nine, and it closes at eight.")
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value(edit)
    page = press(page, "approve")
    if asked:
        assert asked in alerts(page)
        assert seeded_app.store.review(review.id).status == "open"
        page = press(page, "confirm")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert decision.approved == edit


def test_a_confirmation_counts_for_the_text_that_was_asked_about(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("The shop opens at nine, and it closes at eight.")
    page = press(open_page("review"), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value("Closed.")
    page = press(page, "approve")
    page.text_area(key=f"fb:edit:{review.id}").set_value("")
    page = press(page, "confirm")
    assert "Your edit is empty" in alerts(page)
    assert seeded_app.store.review(review.id).status == "open"
    assert "confirm" not in {str(each.key).partition(":")[0] for each in press(page, "cancel").button}


def test_an_emptied_field_of_a_structured_proposal_is_confirmed_first() -> None:
    proposal = {"title": "Tea", "tags": ["hot", "green"], "words": 3}
    assert "empties title, tags[1]" in loss(proposal, {"title": " ", "tags": ["hot"], "words": 3, "more": "text" * 9})
    assert loss(proposal, {"title": "Tee", "tags": ["hot", "green", "new"], "words": 4}) == ""
    assert loss("", "") == loss({"title": ""}, {"title": ""}) == loss(None, "x") == ""


def test_a_press_on_another_version_than_the_drawn_one_decides_nothing(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    page = open_page("review")
    drawn = button(page, "approve").key
    seeded_app.app.claim(review.id, by=ME)  # in another window
    assert button(page.run(), "approve").key != drawn


def test_no_key_decides_before_the_guard_is_there(open_page: Open, seeded_app: SeededApp) -> None:
    seeded_app.ask("draft")
    page = open_page("review")
    decisions = [button(page, name) for name in ("approve", "changes", "reject", "edit", "claim")]
    assert [each.proto.shortcut for each in decisions] == [""] * 5, "Streamlit would handle these keys by itself"
    assert button(page, "next").proto.shortcut == "j"


def test_a_decision_can_be_undone_from_the_page(seeded_app: SeededApp, open_page: Open) -> None:
    first, second = seeded_app.ask("first"), seeded_app.ask("second")
    page = press(open_page("review"), "approve")
    assert title(page) == "Note: second"
    assert seeded_app.store.decisions(first.execution_id) == {}
    page = press(page, "undo")
    assert title(page) == "Note: first"
    assert [seeded_app.store.review(each.id).status for each in (first, second)] == ["open", "open"]
    assert "undo" not in {str(each.key).partition(":")[0] for each in page.button}


def test_an_approval_short_of_the_quorum_can_be_undone_from_the_page(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": BEN}))
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    page = press(open_page("review", item=review.id), "approve")
    assert seeded_app.store.review(review.id).approvals == (BEN,)
    page = press(page, "undo")
    assert title(page) == "Both of you: hello"
    undone = seeded_app.store.review(review.id)
    assert (undone.status, undone.approvals) == ("open", ())
    assert "undo" not in {str(each.key).partition(":")[0] for each in page.button}
    page = press(page, "approve")
    seeded_app.app.claim(review.id, by=BEN)
    assert "undo" not in {str(each.key).partition(":")[0] for each in page.run().button}, "the review has changed"


def test_an_edit_short_of_the_quorum_can_be_undone_from_the_page_and_its_text_is_kept(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded_app, "settings", seeded_app.settings.model_copy(update={"user": BEN}))
    review = seeded_app.review_of(seeded_app.run("pair", {"what": "hello"}))
    page = press(open_page("review", item=review.id), "edit")
    page.text_area(key=f"fb:edit:{review.id}").set_value('{"headline": "better", "words": 3}').run()
    page = press(page, "approve")
    assert seeded_app.store.review(review.id).request.proposal == {"headline": "better", "words": 3}
    page = press(page, "undo")
    undone = seeded_app.store.review(review.id)
    assert (undone.request.proposal, undone.approvals, undone.amended_by) == (review.request.proposal, (), None)
    assert '"headline": "better"' in str(page.text_area(key=f"fb:edit:{review.id}").value)


def test_an_undo_that_comes_too_late_says_so(seeded_app: SeededApp, open_page: Open) -> None:
    seeded_app.ask("first")
    page = press(open_page("review"), "approve")
    (held,) = seeded_app.store.held_reviews()
    assert held.decision is not None
    seeded_app.app.cancel(held.execution_id, by=ANA)  # makes it final
    assert "too late to undo" in alerts(press(page, "undo"))


def test_without_a_time_to_undo_a_decision_takes_effect_at_once(
    seeded_app: SeededApp, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeded_app.app, "settings", seeded_app.settings.model_copy(update={"undo_seconds": 0.0}))
    review = seeded_app.ask("first")
    page = press(open_page("review"), "approve")
    assert seeded_app.store.decisions(review.execution_id)["review"].approved == "first"
    assert "undo" not in {str(each.key).partition(":")[0] for each in page.button}


def test_another_persons_claim_is_asked_about(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    seeded_app.app.claim(review.id, by=BEN)
    page = press(open_page("review"), "approve")
    assert f"{BEN} has claimed this review until" in alerts(page)
    assert seeded_app.store.review(review.id).status == "open"
    press(page, "confirm")
    assert seeded_app.store.review(review.id).status == "decided"


def test_others_who_have_the_review_open_are_named(seeded_app: SeededApp, open_page: Open) -> None:
    review = seeded_app.ask("draft")
    seeded_app.store.mark_present("another window", review.id, "<b>ben</b>", editing=True)
    page = open_page("review", item=review.id)
    assert "<b>ben</b> is editing this now" in " ".join(words(page).split())
    assert [each.by for each in seeded_app.store.presence(review.id)] == ["<b>ben</b>", ME]
