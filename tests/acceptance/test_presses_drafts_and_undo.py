"""The reviewer's hands in a browser: presses count for what is painted, drafts survive, decisions can be undone."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from flowbuilder.errors import Refused
from flowbuilder.model.review import Review
from flowbuilder.store import open_store
from flowbuilder.testing import FakeClock
from tests.support.seeded_app import BEN, NOTE, SeededApp
from tests.support.servers import browser as browsing
from tests.support.servers.browser import PATIENCE, armed, settle, title_is

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ME = "dev@localhost"
UNDO = 4.0
LONG = "\n\n".join(f"Paragraph {number}. " + "The kettle sings and the tea is poured. " * 20 for number in range(12))


@pytest.fixture(scope="module")
def seeded_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SeededApp:
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(sqlite_template, home / "flowbuilder.db")
    made = SeededApp(f"sqlite:///{home / 'flowbuilder.db'}", home, undo_seconds=UNDO)
    named = NOTE.replace('"Note: {{ inputs.what }}"', '"{{ inputs.name }}"')
    return made.publish(named.replace("inputs:\n", "inputs:\n  name: {type: string}\n", 1))


@pytest.fixture(scope="module")
def context(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    made = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 800}, locale="en-GB")
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


@pytest.fixture
def reviews(seeded_app: SeededApp) -> Iterator[list[Review]]:
    """Five open reviews, and no others."""
    made = [
        seeded_app.review_of(seeded_app.run("note", {"name": name, "what": f"{name}\n\n{LONG}", "before": LONG}))
        for name in ("one", "two", "three", "four", "five")
    ]
    yield made
    for review in made:
        with contextlib.suppress(Refused):  # completed
            seeded_app.app.cancel(review.execution_id, by=BEN)


def open_review(page: Page, review: Review) -> Page:
    page.goto(f"/review?item={review.id}")
    return armed(page)


def statuses(seeded_app: SeededApp, reviews: list[Review]) -> list[str]:
    return [seeded_app.store.review(review.id).status for review in reviews]


def assert_only_the_first_is_rejected(
    seeded_app: SeededApp, page: Page, reviews: list[Review], *, comment: str
) -> None:
    title_is(page, "two")
    armed(page)
    decided = seeded_app.store.review(reviews[0].id)
    assert decided.decision is not None
    assert (decided.decision.kind, decided.decision.comment) == ("rejected", comment)
    assert statuses(seeded_app, reviews)[1:] == ["open"] * 4


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Edit the proposal")


def type_in_front(page: Page, box: Locator, text: str) -> None:
    box.evaluate("element => { element.focus(); element.setSelectionRange(0, 0); }")
    page.keyboard.type(text, delay=10)


def draft_becomes(seeded_app: SeededApp, review: Review, start: str, *, field: str = "edit") -> None:
    until = time.monotonic() + 10
    found = None
    while time.monotonic() < until:
        draft = seeded_app.store.draft(review.id, ME)
        found = getattr(draft, field, None)
        if isinstance(found, str) and found.startswith(start):
            return
        time.sleep(0.05)
    pytest.fail(f"the draft has {found!r:.60}, and not {start!r}")


def mark_present_before(seeded_app: SeededApp, review: Review, by: str, *, seconds: float) -> None:
    """Show the review in another window, so many seconds ago."""
    clock = FakeClock(datetime.now(UTC) - timedelta(seconds=seconds))
    with contextlib.closing(open_store(seeded_app.settings.url, clock=clock)) as store:
        store.mark_present("another window", review.id, by, editing=True)


# --- presses ---


@pytest.mark.parametrize("gap", [60, 150, 300])
def test_a_second_press_in_a_hurry_decides_nothing_more(
    seeded_app: SeededApp, page: Page, reviews: list[Review], gap: int
) -> None:
    open_review(page, reviews[0])
    page.keyboard.press("a")
    page.wait_for_timeout(gap)
    page.keyboard.press("a")
    title_is(page, "two")
    armed(page)
    assert statuses(seeded_app, reviews) == ["decided", "open", "open", "open", "open"]


def test_a_press_on_a_review_that_has_been_painted_for_a_moment_counts(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0])
    page.keyboard.press("a")
    title_is(page, "two")
    armed(page).keyboard.press("a")
    title_is(page, "three")
    assert statuses(seeded_app, reviews) == ["decided", "decided", "open", "open", "open"]


@pytest.mark.parametrize("gesture", ["held key", "held Enter", "double click", "many clicks", "Space", "Tab and Enter"])
def test_one_gesture_is_one_decision(seeded_app: SeededApp, page: Page, reviews: list[Review], gesture: str) -> None:
    open_review(page, reviews[0])
    approve = page.locator(".st-key-approve button")
    if gesture in ("held key", "held Enter"):
        key = "a" if gesture == "held key" else "Enter"
        approve.focus()
        for _ in range(40):  # after the first one these are repeats, as of a key that is held
            page.keyboard.down(key)
            page.wait_for_timeout(40)
        page.keyboard.up(key)
    elif gesture == "double click":
        approve.dblclick()
    elif gesture == "many clicks":
        box = approve.bounding_box()
        assert box is not None
        for _ in range(4):
            page.mouse.click(box["x"] + 9, box["y"] + 9)
            page.wait_for_timeout(70)
    elif gesture == "Space":
        approve.click()
        for pause in (50, 300, 1500):
            page.wait_for_timeout(pause)
            page.keyboard.press("Space")
    else:
        approve.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    armed(page)
    assert statuses(seeded_app, reviews) == ["decided", "open", "open", "open", "open"]


def test_a_key_that_is_held_while_the_page_loads_decides_nothing(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    page.keyboard.down("a")
    page.goto(f"/review?item={reviews[0].id}", wait_until="commit")
    for _ in range(60):
        page.keyboard.down("a")
        page.wait_for_timeout(40)
    page.keyboard.up("a")
    armed(page)
    assert statuses(seeded_app, reviews) == ["open"] * 5


def test_a_new_review_starts_at_its_top_with_the_focus_on_its_heading(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0])
    main = page.locator("[data-testid=stMain]")
    main.evaluate("element => element.scrollTo(0, 900)")
    page.locator(".st-key-approve button").click()
    title_is(page, "two")
    heading = page.locator(".fb-heading")
    expect(heading).to_be_focused()
    assert main.evaluate("element => element.scrollTop") == 0
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 100")
    assert statuses(seeded_app, reviews)[1] == "open"


def test_buttons_show_that_they_do_not_count_yet(page: Page, reviews: list[Review]) -> None:
    open_review(page, reviews[0])
    approve = page.locator(".st-key-approve button")
    expect(approve).to_have_css("opacity", "1")
    page.keyboard.press("j")
    expect(approve).to_have_attribute("aria-disabled", "true")
    title_is(page, "two")
    armed(page)
    expect(approve).not_to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_buttons_stay_in_sight(page: Page, reviews: list[Review], size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_review(page, reviews[0])
    page.locator("[data-testid=stMain]").evaluate("element => element.scrollTo(0, 800)")
    page.wait_for_timeout(300)
    expect(page.locator(".st-key-approve button")).to_be_in_viewport()
    expect(page.locator(".st-key-reject button")).to_be_in_viewport()
    if size[0] > 900:
        expect(page.locator(".st-key-fb-queue")).to_be_in_viewport()


def test_a_press_counts_although_leaving_the_comment_draws_the_page_again(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0])
    page.get_by_label("Comment").fill("not yet")
    reject = page.locator(".st-key-reject button")
    box = reject.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(700)  # longer than the page takes
    page.mouse.up()
    assert_only_the_first_is_rejected(seeded_app, page, reviews, comment="not yet")


def test_a_key_press_counts_right_after_leaving_the_comment(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0])
    page.get_by_label("Comment").fill("not yet")
    for key in ("Tab", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert_only_the_first_is_rejected(seeded_app, page, reviews, comment="not yet")


def test_a_press_that_is_let_go_elsewhere_decides_nothing(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0])
    box = page.locator(".st-key-approve button").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] - 300)
    page.mouse.up()
    page.keyboard.press("j")
    title_is(page, "two")
    armed(page)
    assert statuses(seeded_app, reviews) == ["open"] * 5


# --- undo ---


def test_a_decision_is_undone_and_the_worker_never_sees_it(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    with seeded_app.worker():
        open_review(page, reviews[0])
        page.get_by_label("Comment").fill("not yet")
        page.locator(".st-key-reject button").click()
        title_is(page, "two")
        decided = seeded_app.store.review(reviews[0].id)
        assert (decided.status, decided.awaits_decision) == ("decided", True)
        armed(page).keyboard.press("u")
        title_is(page, "one")
        expect(page.get_by_label("Comment")).to_have_value("not yet")
        page.wait_for_timeout(int(UNDO * 1000) + 1500)
    assert seeded_app.store.review(reviews[0].id).status == "open"
    assert seeded_app.execution(reviews[0].execution_id).status == "waiting"


def test_after_the_time_to_undo_the_execution_continues(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    with seeded_app.worker():
        open_review(page, reviews[0])
        page.keyboard.press("a")
        title_is(page, "two")
        expect(page.locator(".st-key-fb-undo")).to_be_visible()
        assert seeded_app.execution(reviews[0].execution_id).status == "waiting"
        expect(page.locator(".st-key-fb-undo")).to_be_hidden(timeout=UNDO * 1000 + 3000)
        until = time.monotonic() + 10
        while seeded_app.execution(reviews[0].execution_id).status != "completed" and time.monotonic() < until:
            time.sleep(0.1)
    assert seeded_app.execution(reviews[0].execution_id).status == "completed"


# --- drafts ---


def test_an_edit_is_found_again(seeded_app: SeededApp, page: Page, reviews: list[Review]) -> None:
    open_review(page, reviews[0]).keyboard.press("e")
    armed(page)
    type_in_front(page, editor(page), "My opening. ")
    page.locator(".st-key-next button").click()
    title_is(page, "two")
    settle(page)
    page.locator(".st-key-prev button").click()
    title_is(page, "one")
    settle(page)
    assert editor(page).input_value().startswith("My opening. one")
    page.goto("/workflows")
    settle(page)
    open_review(page, reviews[0])
    expected = editor(page).input_value()
    assert expected.startswith("My opening. one")
    page.get_by_role("button", name="Approve with edits").click()
    title_is(page, "two")
    decision = seeded_app.store.review(reviews[0].id).decision
    assert decision is not None
    assert decision.approved == expected


def test_a_tab_that_is_closed_while_typing_loses_nothing(
    seeded_app: SeededApp, context: BrowserContext, reviews: list[Review]
) -> None:
    closing = open_review(context.new_page(), reviews[0])
    closing.get_by_label("Comment").press_sequentially("closed at once")
    closing.close()
    draft_becomes(seeded_app, reviews[0], "closed at once", field="comment")


def test_a_second_window_does_not_overwrite_silently(
    seeded_app: SeededApp, context: BrowserContext, page: Page, reviews: list[Review]
) -> None:
    open_review(page, reviews[0]).keyboard.press("e")
    armed(page)
    other = open_review(context.new_page(), reviews[0])
    type_in_front(other, editor(other), "Second. ")
    draft_becomes(seeded_app, reviews[0], "Second. ")
    page.bring_to_front()
    type_in_front(page, editor(page), "First. ")
    expect(page.get_by_text("You changed this draft in another window")).to_be_visible()
    draft_becomes(seeded_app, reviews[0], "Second. ")
    page.get_by_role("button", name="Load the other text").click()
    expect(editor(page)).to_have_value(f"Second. {reviews[0].request.proposal}")
    type_in_front(page, editor(page), "First. ")
    draft_becomes(seeded_app, reviews[0], "First. Second. ")
    other.bring_to_front()
    other.get_by_role("button", name="Approve with edits").click()
    expect(other.get_by_text("This decision takes the text of this window")).to_be_visible()
    assert seeded_app.store.review(reviews[0].id).status == "open"
    other.close()


@pytest.mark.parametrize("kept", ["", "Only this is left."])
def test_an_edit_that_drops_the_text_is_asked_about(
    seeded_app: SeededApp, page: Page, reviews: list[Review], kept: str
) -> None:
    open_review(page, reviews[0]).keyboard.press("e")
    armed(page)
    editor(page).fill(kept)
    # a press counts only on what is shown: first the page shows that there is an edit
    expect(page.locator(".st-key-approve button")).to_have_text(re.compile("Approve with edits"), timeout=20_000)
    armed(page).locator(".st-key-approve button").click()
    expect(page.get_by_text("Your edit is empty" if not kept else "drops more than half")).to_be_visible()
    assert seeded_app.store.review(reviews[0].id).status == "open"
    armed(page).locator(".st-key-confirm button").click()
    title_is(page, "two")
    decision = seeded_app.store.review(reviews[0].id).decision
    assert decision is not None
    assert decision.approved == kept


def test_an_edit_and_a_decision_survive_a_server_that_is_killed(
    seeded_app: SeededApp, chromium: Browser, reviews: list[Review], tmp_path: Path
) -> None:
    port, log = browsing.free_port(), tmp_path / "server.log"
    settings = seeded_app.settings.model_copy(update={"undo_seconds": 12.0})  # it is not over before the kill
    server = browsing.start_server(settings, log, port)
    try:
        page = chromium.new_page(base_url=f"http://127.0.0.1:{port}")
        open_review(page, reviews[0]).keyboard.press("a")
        title_is(page, "two")
        armed(page).keyboard.press("e")
        armed(page)
        type_in_front(page, editor(page), "Typed and cut off. ")
        server.kill()
        server.wait(20)
        assert seeded_app.store.review(reviews[0].id).awaits_decision
        page.wait_for_timeout(1500)
        server = browsing.start_server(settings, log, port)
        draft_becomes(seeded_app, reviews[1], "Typed and cut off. two")
        page.wait_for_timeout(3000)
        settle(page)
        assert editor(page).input_value().startswith("Typed and cut off. two")
        page.close()
        until = time.monotonic() + 22
        while seeded_app.store.review(reviews[0].id).awaits_decision and time.monotonic() < until:
            time.sleep(0.1)
        assert not seeded_app.store.review(reviews[0].id).awaits_decision
    finally:
        server.kill()
        server.wait(20)


# --- other people ---


def test_another_reviewer_is_seen_and_their_claim_is_asked_about(
    seeded_app: SeededApp, page: Page, reviews: list[Review]
) -> None:
    seeded_app.app.claim(reviews[0].id, by=BEN)
    mark_present_before(seeded_app, reviews[0], BEN, seconds=12)
    open_review(page, reviews[0])
    expect(page.locator(".fb-presence")).to_have_text(f"{BEN} is editing this now")
    assert [person.by for person in seeded_app.store.presence(reviews[0].id)] == [BEN, ME]
    page.keyboard.press("a")
    expect(page.get_by_text(f"{BEN} has claimed this review")).to_be_visible()
    assert seeded_app.store.review(reviews[0].id).status == "open"
    expect(page.locator(".fb-presence")).to_be_hidden(timeout=30_000)
    armed(page).locator(".st-key-confirm button").click()
    title_is(page, "two")
    assert seeded_app.store.review(reviews[0].id).status == "decided"
