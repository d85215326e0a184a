"""The review app in a browser, with a worker that it wakes and without a Prefect server."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from flowbuilder.model.review import Review
from tests.support.seeded_app import BEN, FORM, NOTE, SeededApp
from tests.support.servers.browser import PATIENCE, armed, settle, title_is

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ME = "dev@localhost"
Ask = Callable[..., list[Review]]


@pytest.fixture(scope="module")
def seeded_app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SeededApp:
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(sqlite_template, home / "flowbuilder.db")
    return SeededApp(f"sqlite:///{home / 'flowbuilder.db'}", home, undo_seconds=0)


@pytest.fixture(scope="module")
def context(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """One for all tests, so that the browser caches what it has loaded."""
    made = chromium.new_context(base_url=address, viewport={"width": 1300, "height": 900}, locale="en-GB")
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


@pytest.fixture
def ask(seeded_app: SeededApp, request: pytest.FixtureRequest) -> Ask:
    """Opens reviews of a separate workflow, so that its queue contains no others."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"

    def asked(*what: str, before: str = "") -> list[Review]:
        seeded_app.publish(NOTE.replace("name: note", f"name: {name}"))
        return [seeded_app.review_of(seeded_app.run(name, {"what": each, "before": before})) for each in what]

    return asked


def queue(page: Page, reviews: list[Review]) -> None:
    page.goto(f"/review?workflow={reviews[0].workflow}")
    settle(page)


def press(page: Page, key: str) -> None:
    armed(page).keyboard.press(key)


def test_a_decision_resumes_the_execution_and_its_page_shows_it(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("Open on Sunday")
    watching = page.context.new_page()
    watching.goto(f"/executions?id={review.execution_id}")
    settle(watching)
    expect(watching.locator(".fb-title")).to_contain_text("Waiting")
    with seeded_app.worker():
        queue(page, [review])
        press(page, "a")
        expect(watching.locator(".fb-title")).to_contain_text("Completed", timeout=PATIENCE)
    expect(watching.locator(".fb-timeline")).to_contain_text(f"approved by {ME}")
    assert seeded_app.execution(review.execution_id).outputs == {"sent": "Open on Sunday", "decision": "approved"}


def test_the_next_review_is_shown_without_delay_when_prefect_is_down(
    seeded_app: SeededApp, page: Page, ask: Ask
) -> None:
    reviews = ask("first", "second", "third")
    queue(page, reviews)
    title_is(page, "Note: first")
    began = time.monotonic()
    press(page, "a")
    title_is(page, "Note: second")
    settle(page)
    press(page, "a")
    title_is(page, "Note: third")
    assert time.monotonic() - began < 6, "two decisions, each as slow as a person would notice"
    assert [seeded_app.store.review(review.id).status for review in reviews] == ["decided", "decided", "open"]
    expect(page.locator("[data-testid=stToast]").first).to_contain_text("Approved · Note:")


def test_j_and_k_move_through_the_queue_but_not_while_typing(page: Page, ask: Ask) -> None:
    reviews = ask("one", "two")
    queue(page, reviews)
    press(page, "j")
    title_is(page, "Note: two")
    assert f"item={reviews[1].id}" in page.url
    settle(page)
    press(page, "k")
    title_is(page, "Note: one")
    settle(page)
    page.get_by_label("Comment").type("jax")
    title_is(page, "Note: one")


def test_a_link_opens_its_review_in_a_fresh_browser(chromium: Browser, address: str, ask: Ask) -> None:
    reviews = ask("one", "two", "three")
    fresh = chromium.new_page(base_url=address)
    fresh.goto(f"/review?item={reviews[2].id}", timeout=PATIENCE)
    settle(fresh)
    title_is(fresh, "Note: three")
    fresh.close()


def test_a_rejection_needs_a_comment(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("draft")
    queue(page, [review])
    press(page, "x")
    expect(page.get_by_role("alert").last).to_contain_text("need a comment")
    assert seeded_app.store.review(review.id).status == "open"
    settle(page)
    page.get_by_label("Comment").fill("The tone is off.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("[data-testid=stToast]").first).to_contain_text("Rejected")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.kind, decision.comment, decision.by) == ("rejected", "The tone is off.", ME)


def test_exactly_the_edited_text_is_approved(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("The shop opens at nine.\n\nSee you!", before="The shop opens at eight.")
    queue(page, [review])
    press(page, "e")
    box = page.get_by_role("textbox", name="Edit the proposal")
    typed = "The shop opens at ten. \n\n\tSee you!\n"
    box.fill(typed)
    box.press("Control+Enter")
    expect(page.get_by_text("Your changes")).to_be_visible()
    expect(page.locator(".fb-inline ins").first).to_contain_text("ten")
    settle(page)
    typed += "And a last line, typed just before the click."
    box.fill(typed)
    page.get_by_role("button", name="Approve with edits").click()
    expect(page.locator("[data-testid=stToast]").first).to_contain_text("Approved")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert (decision.approved, decision.edited) == (typed, True)


def test_the_slower_of_two_reviewers_sees_who_decided(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("draft")
    queue(page, [review])
    page.get_by_label("Comment").press_sequentially("I like it.")
    seeded_app.decide(review, "rejected", by=BEN)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").last).to_contain_text(BEN)
    expect(page.get_by_role("alert").last).to_contain_text("reject")
    expect(page.get_by_label("Comment")).to_have_value("I like it.")
    decision = seeded_app.store.review(review.id).decision
    assert decision is not None
    assert decision.by == BEN


def test_a_comment_being_typed_stays_when_another_reviewer_decides(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("draft")
    queue(page, [review])
    box = page.get_by_label("Comment")
    box.press_sequentially("half a th")
    seeded_app.decide(review, "rejected", by=BEN)
    expect(page.get_by_role("alert").last).to_contain_text(f"{BEN} decided this review", timeout=PATIENCE)
    expect(box).to_have_value("half a th")
    expect(page.locator(".fb-outcome")).to_contain_text("as agreed")


def test_an_execution_is_paused_resumed_and_cancelled(seeded_app: SeededApp, page: Page, ask: Ask) -> None:
    (review,) = ask("draft")
    page.goto(f"/executions?id={review.execution_id}")
    settle(page)
    for verb, status in (("Pause", "Paused"), ("Resume", "Queued")):
        page.get_by_role("button", name=verb).click()
        expect(page.locator(".fb-title")).to_contain_text(status)
        settle(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel execution").click()
    expect(page.locator(".fb-title")).to_contain_text("Cancelled")
    assert seeded_app.execution(review.execution_id).status == "cancelled"


def test_a_start_without_prefect_is_reported_at_once(seeded_app: SeededApp, page: Page) -> None:
    seeded_app.publish(FORM)
    page.goto("/run?workflow=form")
    settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert").last).to_contain_text("A text is required")
    settle(page)
    page.get_by_label("A text (required)", exact=True).fill("hello")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert").last).to_contain_text("no Prefect server is configured")


HOSTILE = (
    "![](https://evil.test/a.png) <img src=https://evil.test/b.png onerror=\"document.title='owned'\"> "
    "<script>document.title='owned'</script><style>*{display:none!important}</style> [x](https://evil.test/c) "
    "https://evil.test/d :red[red] :material/home: $x^2$ <iframe src=https://evil.test/e></iframe> "
    "\x1b[31mred\x1b[0m \u202eevil\u202c zero\u200bwidth"
)


def assert_nothing_injected(page: Page) -> None:
    """The hostile text has created no element, request, style or script."""
    settle(page)
    assert page.locator("[src*='evil.test'], [href*='evil.test'], iframe, .katex").count() == 0, page.url
    assert page.title() != "owned", page.url
    expect(page.locator("[data-testid=stMain]")).to_be_visible()


def test_hostile_text_is_escaped_and_sends_no_request(
    seeded_app: SeededApp, page: Page, ask: Ask, address: str
) -> None:
    (review,) = ask(HOSTILE, before="# Old\n" + HOSTILE)
    hostile = (
        NOTE.replace("name: note", "name: a-hostile-one")
        .replace("Publish a note", '"<b>![](https://evil.test/f)</b>"')
        .replace(
            "- id: sent", '- id: sent\n    name: "``` \\"] <img src=https://evil.test/g> ![](https://evil.test/h)"'
        )
        .replace(
            "title: What to say", 'title: "![](https://evil.test/i) <b>x</b>", description: "![](https://evil.test/j)"'
        )
    )
    seeded_app.publish(hostile).run("a-hostile-one", {"what": HOSTILE})
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url) if not request.url.startswith(address) else None)
    page.goto(f"/review?item={review.id}&view=inline")
    assert_nothing_injected(page)
    expect(page.locator(".fb-title").first).to_contain_text("<script>document.title='owned'</script>")
    assert page.locator(".fb-title .fb-unseen").all_inner_texts() == [
        "⟨U+001B⟩", "⟨U+001B⟩", "⟨U+202E⟩", "⟨U+202C⟩", "⟨U+200B⟩",
    ]  # fmt: skip
    page.get_by_role("radio", name="Side by side").click()
    assert_nothing_injected(page)
    press(page, "a")  # a toast is Markdown
    expect(page.locator("[data-testid=stToast]").first).to_contain_text("<script>")
    assert page.locator("[data-testid=stToast] :is(img, a, iframe, .katex, [data-testid=stIconMaterial])").count() == 0
    for name in ("Home", "Workflows", "Run", "Executions"):
        page.get_by_test_id("stTopNav").get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile("/$" if name == "Home" else f"/{name.lower()}"))
        assert_nothing_injected(page)
    page.get_by_role("button", name="Open a-hostile-one").first.click(force=True)
    expect(page.locator(".fb-title")).to_contain_text("Waiting")
    assert_nothing_injected(page)
    assert [url for url in left if not url.startswith(("data:", "blob:"))] == []


SHIFTS = """() => {
    window.shifted = 0;
    const moved = (entry) => (entry.hadRecentInput ? 0 : entry.value);
    const add = (list) => list.getEntries().forEach((entry) => { window.shifted += moved(entry); });
    new PerformanceObserver(add).observe({ type: "layout-shift" });
}"""


INSIDE = """(width) => {
    const box = document.querySelector("[role=dialog] .fb-step-detail").getBoundingClientRect();
    return box.width > 0 && box.left >= 0 && box.right <= width;
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_a_step_is_opened_by_keyboard_in_a_drawer_that_moves_nothing(page: Page, ask: Ask, width: int) -> None:
    (review,) = ask(HOSTILE)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/executions?id={review.execution_id}")
    settle(page)
    page.evaluate(SHIFTS)
    link = page.locator(".fb-step-link").first
    link.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer.locator(".fb-step-detail")).to_be_visible(timeout=PATIENCE)
    expect(page).to_have_url(re.compile(r"[?&]step=review(&|$)"))
    settle(page)
    fields = drawer.locator("summary", has_text="Fields")
    fields.focus()
    page.keyboard.press("Enter")
    expect(drawer.locator(".fb-given", has_text="document.title='owned'").first).to_be_visible()
    assert drawer.locator(".fb-unseen").count() >= 5
    assert drawer.locator(".fb-step-detail :is(img, a, script, iframe)").count() == 0
    assert_nothing_injected(page)
    page.wait_for_function(INSIDE, arg=width, timeout=PATIENCE)  # the drawer slides in
    assert page.evaluate("window.shifted") == 0
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page).not_to_have_url(re.compile("step="))
    expect(link).to_be_focused()
    page.set_viewport_size({"width": 1300, "height": 900})


def test_a_step_is_opened_by_a_press_anywhere_in_its_row(page: Page, ask: Ask) -> None:
    (review,) = ask("Open on Sunday")
    page.goto(f"/executions?id={review.execution_id}")
    settle(page)
    row = page.locator(".fb-step", has=page.locator(".fb-step-link")).first
    width = row.bounding_box()["width"]  # type: ignore[index]
    row.click(position={"x": width - 12, "y": 10})
    expect(page.get_by_role("dialog").locator(".fb-step-detail")).to_be_visible(timeout=PATIENCE)
    expect(page).to_have_url(re.compile(r"[?&]step="))


def test_a_link_to_a_step_opens_it_in_a_fresh_browser(chromium: Browser, address: str, ask: Ask) -> None:
    (review,) = ask("Open on Sunday")
    fresh = chromium.new_page(base_url=address)
    fresh.goto(f"/executions?id={review.execution_id}&step=review", timeout=PATIENCE)
    expect(fresh.get_by_role("dialog")).to_contain_text("Step review", timeout=PATIENCE)
    settle(fresh)
    fresh.goto(f"/executions?id={review.execution_id}&step=reveiw", timeout=PATIENCE)
    expect(fresh.get_by_role("dialog").get_by_role("alert")).to_contain_text("did you mean review?", timeout=PATIENCE)
    fresh.close()
