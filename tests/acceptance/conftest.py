"""The review app in a browser. A module gives `seeded_app`, the app and its settings, and `context`, its windows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.seeded_app import SeededApp
from tests.support.servers import browser as browsing


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(chromium: Browser, seeded_app: SeededApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browsing.served(seeded_app.settings, tmp_path_factory.mktemp("log") / "server.log") as where:
        yield where


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    made = context.new_page()
    yield made
    made.close()
