"""Sign-in by OpenID Connect: whom claims name, and the whole way in a browser with a local provider."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flowbuilder.devstack.configuration_checks import sign_in_problems
from flowbuilder.devstack.streamlit_command import TRUSTED_HEADERS_VARIABLE, command
from flowbuilder.settings import Settings
from review_app.identity import NotSignedIn
from review_app.sign_in import SignInNeeded, signed_in
from tests.support.servers.browser import PATIENCE, browser, free_port, served

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOURS = timedelta(hours=12)
CLAIMS = {"is_logged_in": True, "email": "ana@example.com", "email_verified": True, "iat": NOW.timestamp() - 60}


def test_a_verified_address_names_the_person() -> None:
    person = signed_in({**CLAIMS, "email": " ana@example.com "}, NOW, HOURS)
    assert (person.name, person.local) == ("ana@example.com", False)
    assert signed_in({**CLAIMS, "email_verified": "true"}, NOW, HOURS) == person


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email_verified": "yes"},
        {"email_verified": 1},
        {"email": None},
        {"email": ""},
        {"email": "ana"},
        {"email": ["ana@example.com"]},
        {"email": None, "preferred_username": "ana@example.com", "name": "Ana"},
    ],
)
def test_no_other_claim_names_a_person(claims: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn) as caught:
        signed_in({**CLAIMS, **claims}, NOW, HOURS)
    assert not isinstance(caught.value, SignInNeeded)  # signing in again would not help


@pytest.mark.parametrize(
    "claims",
    [
        {"is_logged_in": False},
        {"iat": NOW.timestamp() - 12 * 3600 - 1},
        {"iat": NOW.timestamp() + 3600},
        {"iat": None},
        {"iat": True},
        {"iat": "now"},
    ],
)
def test_a_sign_in_that_is_missing_or_too_old_is_asked_for_again(claims: dict[str, Any]) -> None:
    with pytest.raises(SignInNeeded):
        signed_in({**CLAIMS, **claims}, NOW, HOURS)


SECRETS = """
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "a-secret-that-only-the-server-knows-0123456789"
client_id = "flowbuilder"
client_secret = "anything"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@contextmanager
def provider(*users: str) -> Iterator[str]:
    """A local OpenID Connect provider with these users, each a JSON object of claims; yields its URL."""
    port = free_port()
    options = [word for user in users for word in ("--user-claims", user)]
    program = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *options]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"{address}/.well-known/openid-configuration"
                )
                break
            except OSError:
                time.sleep(0.1)
        yield address
        process.kill()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a review app at which people sign in at a local provider."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(TRUSTED_HEADERS_VARIABLE, raising=False)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    ana = '{"sub": "ana", "email": "ana@example.com", "email_verified": true}'
    mallory = '{"sub": "mallory", "email": "ana@example.com", "email_verified": false}'
    with provider(ana, mallory) as issuer:
        secrets = tmp_path / ".streamlit/secrets.toml"
        secrets.parent.mkdir()
        secrets.write_text(SECRETS.format(app=address, provider=issuer))
        secrets.chmod(0o600)
        with served(Settings(home=tmp_path / "home", review_url=address), tmp_path / "log", port):
            yield address


def sign_in(page: Page, subject: str) -> None:
    page.get_by_role("button", name="Sign in").click(timeout=PATIENCE)
    page.locator("input[name=sub]").fill(subject, timeout=PATIENCE)
    page.locator("button[type=submit], input[type=submit]").first.click()


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_people_sign_in_and_out_in_a_browser(app: str) -> None:
    with browser() as running:
        page = running.new_page()
        page.goto(app)
        expect(page.get_by_text("Sign in to see and decide reviews.")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("Local mode")).to_have_count(0)
        events = page.request.get(f"{app}/events/x")
        assert (events.status, events.text()) == (403, "Sign in to see and decide reviews.")
        sign_in(page, "ana")
        expect(page.get_by_text("Signed in as ana@example.com")).to_be_visible(timeout=PATIENCE)
        assert page.request.get(f"{app}/events/x").status == 404  # signed in: there is no such execution
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert cookies["_streamlit_user"]["httpOnly"]
        page.get_by_role("button", name="Sign out").click(timeout=PATIENCE)
        page.wait_for_timeout(1000)
        page.goto(app)
        expect(page.get_by_text("Sign in to see and decide reviews.")).to_be_visible(timeout=PATIENCE)
        assert page.request.get(f"{app}/events/x").status == 403
        stranger = running.new_context().new_page()
        stranger.goto(app)
        sign_in(stranger, "mallory")
        refused = "the identity provider has not verified the e-mail address ana@example.com"
        expect(stranger.get_by_text(refused)).to_be_visible(timeout=PATIENCE)
        assert stranger.request.get(f"{app}/events/x").status == 403
        forged = running.new_context()
        forged.add_cookies([{**cookies["_streamlit_user"], "value": cookies["_streamlit_user"]["value"][:-4] + "AAAA"}])  # type: ignore[list-item]
        assert forged.request.get(f"{app}/events/x").status == 403


def test_doctor_checks_the_provider_s_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(TRUSTED_HEADERS_VARIABLE, raising=False)
    settings = Settings(home=tmp_path, review_url="https://review.example")
    assert list(sign_in_problems(settings)) == []
    file = tmp_path / ".streamlit/secrets.toml"
    file.parent.mkdir()
    file.write_text(SECRETS.format(app="https://review.example", provider="https://login.example"))
    file.chmod(0o600)
    assert list(sign_in_problems(settings)) == []
    assert "--server.address=10.0.0.5" in command(settings, 8501, address="10.0.0.5")
    file.chmod(0o644)
    ((verdict, message, remedy),) = sign_in_problems(settings)
    assert (verdict, remedy) == ("warning", f"run `chmod 600 {file}`")
    assert str(file) in message
    file.write_text('[auth]\nredirect_uri = "https://other.example/oauth2callback"\ncookie_secret = "short"\n')
    file.chmod(0o600)
    said = [(verdict, message) for verdict, message, _ in sign_in_problems(settings)]
    assert [verdict for verdict, _ in said] == ["problem", "problem"]
    assert "no user can sign in at https://review.example" in said[0][1]
    assert "sign-ins can be forged" in said[1][1]
