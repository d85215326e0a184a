"""The pages without a browser: what they show, and what their buttons do."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.review_app.conftest import Open
from tests.review_app.scene import Scene


def words(page: AppTest) -> str:
    return "\n".join(str(each.proto.body) for each in page.get("html"))


def test_home_counts_what_waits(scene: Scene, open_page: Open) -> None:
    scene.ask("hello")
    page = open_page()
    assert not page.exception
    assert "Note: hello" in words(page)
