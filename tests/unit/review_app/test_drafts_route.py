"""The route that saves drafts: who may write what, and how large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from flowbuilder.app import App
from flowbuilder.errors import Unavailable
from flowbuilder.model.review_draft import MAX_DRAFT_LENGTH
from review_app.drafts_route import DraftRoute
from review_app.identity import AccessPolicy
from tests.support.seeded_app import ANA, BEN, SeededApp

PROXIED = AccessPolicy(header="X-Forwarded-Email", address="10.0.0.5", hosts=("testserver",))
FIRST: dict[str, object] = {"revision": 0, "window": "one", "content_hash": "", "comment": "half a th"}


def client(open_app: Callable[[], App]) -> TestClient:
    route = DraftRoute(open_app, lambda request: PROXIED.authorize(request.headers))
    return TestClient(Starlette(routes=[Route("/drafts/{review_id}", route.handle, methods=["POST"])]))


def post(seeded_app: SeededApp, review_id: str, body: Any, *, by: str | None = ANA, **headers: str) -> tuple[int, Any]:
    signed_in = {"X-Forwarded-Email": by} if by else {}
    answer = client(lambda: seeded_app.app).post(f"/drafts/{review_id}", json=body, headers={**signed_in, **headers})
    return answer.status_code, answer.json()


def test_a_draft_is_saved_for_the_user_of_the_request(seeded_app: SeededApp) -> None:
    review = seeded_app.ask("draft")
    assert post(seeded_app, review.id, {**FIRST, "by": BEN}) == (200, {"revision": 1})
    assert post(seeded_app, review.id, {**FIRST, "revision": 1, "edit": "an edit"}) == (200, {"revision": 2})
    stored = seeded_app.store.draft(review.id, ANA)
    assert stored is not None
    assert (stored.comment, stored.edit, stored.editing) == ("half a th", "an edit", False)
    assert seeded_app.store.draft(review.id, BEN) is None


def test_a_stale_window_gets_the_stored_text(seeded_app: SeededApp) -> None:
    review = seeded_app.ask("draft")
    post(seeded_app, review.id, FIRST)
    status, body = post(seeded_app, review.id, {**FIRST, "window": "two", "comment": "other"})
    assert (status, body) == (409, {"comment": "half a th", "edit": None, "revision": 1})


@pytest.mark.parametrize(
    ("by", "headers"),
    [(None, {}), ("  ", {}), (ANA, {"Sec-Fetch-Site": "cross-site"}), (ANA, {"Sec-Fetch-Site": "same-site"}),
     (ANA, {"Host": "evil.test"})],
)  # fmt: skip
def test_strangers_and_other_sites_are_refused(seeded_app: SeededApp, by: str | None, headers: dict[str, str]) -> None:
    review = seeded_app.ask("draft")
    assert post(seeded_app, review.id, FIRST, by=by, **headers)[0] == 403
    assert seeded_app.store.draft(review.id, ANA) is None


@pytest.mark.parametrize(
    "body",
    [
        [], "text", None, {}, {**FIRST, "revision": "0"}, {**FIRST, "revision": True}, {**FIRST, "revision": -1},
        {**FIRST, "revision": 2**40}, {**FIRST, "comment": 3}, {**FIRST, "edit": ["x"]}, {**FIRST, "window": None},
        {**FIRST, "window": "w" * 65}, {**FIRST, "content_hash": {}},
    ],
)  # fmt: skip
def test_what_is_no_draft_is_refused_with_a_message(seeded_app: SeededApp, body: Any) -> None:
    review = seeded_app.ask("draft")
    status, answer = post(seeded_app, review.id, body)
    assert status == 400
    assert answer["message"]
    assert seeded_app.store.draft(review.id, ANA) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_broken_json_is_refused(seeded_app: SeededApp, content: bytes) -> None:
    headers = {"X-Forwarded-Email": ANA, "Content-Type": "application/json"}
    answer = client(lambda: seeded_app.app).post("/drafts/any", content=content, headers=headers)
    assert answer.status_code == 400


def test_a_form_of_another_site_is_no_draft(seeded_app: SeededApp) -> None:
    review = seeded_app.ask("draft")
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert post(seeded_app, review.id, FIRST, **{"Content-Type": kind})[0] == 400


@pytest.mark.parametrize("length", [MAX_DRAFT_LENGTH + 1, 7 * MAX_DRAFT_LENGTH])
def test_a_draft_that_is_too_long_is_refused(seeded_app: SeededApp, length: int) -> None:
    review = seeded_app.ask("draft")
    status, answer = post(seeded_app, review.id, {**FIRST, "edit": "x" * length})
    assert (status, "2,000,000" in answer["message"]) == (413, True)


def test_an_unknown_and_a_decided_review_take_no_draft(seeded_app: SeededApp) -> None:
    assert post(seeded_app, "no-such-review", FIRST)[0] == 404
    review = seeded_app.ask("draft")
    seeded_app.decide(review)
    assert post(seeded_app, review.id, FIRST)[0] == 410


def test_without_a_store_the_browser_tries_again() -> None:
    def unavailable() -> App:
        raise Unavailable("the database cannot be reached")

    answer = client(unavailable).post("/drafts/any", json=FIRST, headers={"X-Forwarded-Email": ANA})
    assert answer.status_code == 503
