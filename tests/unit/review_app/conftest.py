"""Fixtures of the review app's tests: a store with workflows, and the pages without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from flowbuilder import bootstrap
from review_app import session
from tests.support.page_reading import Open
from tests.support.seeded_app import DOCUMENTS, SeededApp

scanned = cache(manifest_scanner.scan_component_manifests)
"""AppTest reads the metadata of all installed packages for each page; they do not change while tests run."""
MAIN = Path(__file__).resolve().parents[3] / "review_app" / "main.py"


@pytest.fixture
def seeded_app(sqlite_url: str, tmp_path: Path) -> SeededApp:
    """A store with the workflows of these tests, and nothing run yet."""
    return SeededApp(sqlite_url, tmp_path).publish(*DOCUMENTS)


@pytest.fixture
def open_page(seeded_app: SeededApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a page by its URL path, with query parameters: `open_page("review", item="...")`."""
    monkeypatch.setattr(bootstrap, "open_app", lambda options=None: seeded_app.app)
    monkeypatch.setattr(bootstrap, "settings", lambda: seeded_app.settings)
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", scanned)
    session.flow_app.clear()
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")

    def opened(page: str = "", **query: str) -> AppTest:
        test = AppTest.from_file(str(MAIN), default_timeout=30)
        test._page_hash = calc_hash(page)  # AppTest.switch_page supports only pages in files
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    try:
        yield opened
    finally:
        config.set_option("server.address", before)
        session.flow_app.clear()
        st.cache_data.clear()
