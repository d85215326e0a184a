"""Runs the review app's server and a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from flowbuilder.devstack.streamlit_command import command, environment
from flowbuilder.settings import Settings
from tests.support.servers.requirements import unavailable

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is the same engine without a window, which takes a quarter of the time for a page."""
PATIENCE = 20_000
"""Milliseconds to wait for a page: far more than it needs, for busy machines."""
_SETTLED = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
_ARMED = """() => [...document.querySelectorAll('[class*=st-key-fb-press-] button:not(:disabled)')]
    .every((button) => getComputedStyle(button).opacity === '1')"""
_QUIET = "() => !document.querySelector('[data-stale=true]') && !document.querySelector('[data-testid=stSkeleton]')"


def chromium() -> str:
    """The path of Chromium. Without it the test is skipped; on CI it fails."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), "")
    if not found:
        unavailable("Chromium is not installed")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a fresh profile."""
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield running
        finally:
            running.close()


def free_port() -> int:
    """A port that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(settings: Settings, log: Path, port: int = 0) -> Iterator[str]:
    """The review app's server on a port (default: a free one), started as the product does, without Prefect; yields its
    URL."""
    port = port or free_port()
    server = start_server(settings, log, port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def start_server(settings: Settings, log: Path, port: int) -> subprocess.Popen[bytes]:
    """The review app's server on this port, ready for requests."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "FLOWBUILDER_"))}
    base["PREFECT_HOME"] = str(settings.home / "prefect")
    with log.open("ab") as out:
        server = subprocess.Popen(
            command(settings, port), env=environment(settings, base), stdout=out, stderr=subprocess.STDOUT
        )
    _wait_for(f"http://127.0.0.1:{port}/healthy", server, log)
    return server


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            with opener.open(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the review app's server did not start: {log.read_text()[-2000:]}")


def settle(page: Page) -> Page:
    """Wait until the page is rendered: its script has ended, and no element is stale or loading."""
    page.wait_for_selector(_SETTLED, timeout=PATIENCE)
    page.wait_for_function(_QUIET, timeout=PATIENCE)
    return page


def armed(page: Page) -> Page:
    """Wait until the buttons of a painted review count: the browser arms them a moment after it has painted them."""
    settle(page)
    page.wait_for_function(_ARMED, timeout=PATIENCE)
    return page


def title_is(page: Page, text: str) -> None:
    """Wait until the page has this title."""
    expect(page.locator(".fb-heading .fb-title").first).to_have_text(text, timeout=PATIENCE)
