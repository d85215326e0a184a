"""The server of the pages: access policy, event stream, security headers, and command line."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient

from flowbuilder.devstack.streamlit_command import TRUSTED_HEADERS_VARIABLE, command, environment
from flowbuilder.errors import ConfigurationError, Unavailable
from flowbuilder.ports import StartRequest
from flowbuilder.settings import Settings
from review_app.background import BackgroundEngine
from review_app.headers import SecurityHeaders
from review_app.identity import AccessPolicy, NotSignedIn, identity_header
from review_app.stream import EventStreams
from review_app.widgets.execution import prefect_run_url
from tests.support.seeded_app import ANA, BEN, SeededApp

LOCAL = AccessPolicy(header=None, address="127.0.0.1", hosts=("localhost", "127.0.0.1", "::1"))
PROXIED = AccessPolicy(header="X-Forwarded-Email", address="10.0.0.5", hosts=("review.example",))


def test_the_local_user_needs_no_sign_in() -> None:
    assert LOCAL.person(None).name == "dev@localhost"
    assert LOCAL.person(None).local


@pytest.mark.parametrize("address", ["0.0.0.0", "", "10.1.2.3", "::", "example.com"])
def test_a_server_that_others_can_reach_refuses_users_without_a_name(address: str) -> None:
    with pytest.raises(NotSignedIn, match="without sign-in"):
        AccessPolicy(header=None, address=address).person(None)


def test_behind_a_proxy_only_named_users_are_accepted() -> None:
    assert PROXIED.person(" ana@example.com ").name == "ana@example.com"
    for missing in (None, "", "  "):
        with pytest.raises(NotSignedIn):
            PROXIED.person(missing)


def test_a_proxy_configuration_without_an_email_refuses_all_users() -> None:
    assert identity_header({"X-Forwarded-Email": "email"}) == "X-Forwarded-Email"
    assert identity_header({}) is None
    with pytest.raises(NotSignedIn):
        AccessPolicy(header=identity_header({"X-User": "name"}), address="127.0.0.1").authorize({"x-user": "ana"})


@pytest.mark.parametrize(
    ("host", "known"),
    [("localhost:8501", True), ("127.0.0.1", True), ("[::1]:8501", True), ("evil.test", False), ("", False)],
)
def test_a_route_accepts_only_its_own_host_names(host: str, known: bool) -> None:
    if known:
        assert LOCAL.authorize({"host": host}).local
    else:
        with pytest.raises(NotSignedIn):
            LOCAL.authorize({"host": host})


def test_a_route_refuses_cross_site_requests() -> None:
    with pytest.raises(NotSignedIn):
        LOCAL.authorize({"host": "localhost", "sec-fetch-site": "cross-site"})


@pytest.fixture
def client(seeded_app: SeededApp) -> Iterator[TestClient]:
    streams = EventStreams(lambda: seeded_app.app, lambda request: LOCAL.authorize(request.headers))
    app = Starlette(routes=[Route("/events/{execution_id}", streams.handle)], middleware=[Middleware(SecurityHeaders)])
    with TestClient(app, base_url="http://localhost") as made:
        yield made
    streams.close()


def numbers(text: str) -> list[int]:
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]


def test_the_stream_gives_every_event_once_and_ends_with_the_execution(
    seeded_app: SeededApp, client: TestClient
) -> None:
    execution_id = seeded_app.run("form", {"text": "hello"})
    answer = client.get(f"/events/{execution_id}")
    events = seeded_app.app.events(execution_id)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert numbers(answer.text) == [event.seq for event in events]
    assert answer.text.endswith(f"event: ended\ndata: {events[-1].seq}\n\n")


@pytest.mark.parametrize("way", ["header", "query"])
def test_the_stream_resumes_after_the_last_event_seen(way: str, seeded_app: SeededApp, client: TestClient) -> None:
    execution_id = seeded_app.run("form", {"text": "hello"})
    given = {"headers": {"Last-Event-ID": "2"}} if way == "header" else {"params": {"after": "2"}}
    assert numbers(client.get(f"/events/{execution_id}", **given).text)[0] == 3


def test_the_stream_carries_no_data_of_an_execution(seeded_app: SeededApp, client: TestClient) -> None:
    execution_id = seeded_app.run("form", {"text": "a secret of theirs"})
    assert "secret" not in client.get(f"/events/{execution_id}").text


def test_an_open_stream_sends_new_events(seeded_app: SeededApp, client: TestClient) -> None:
    review = seeded_app.ask("draft")
    seen = len(seeded_app.app.events(review.execution_id))
    later = threading.Timer(0.5, lambda: seeded_app.app.cancel(review.execution_id, by=ANA))
    later.start()
    answer = client.get(f"/events/{review.execution_id}", params={"after": str(seen)})
    later.join()
    assert numbers(answer.text)[0] == seen + 1
    assert "event: ended" in answer.text


def test_the_stream_refuses_other_hosts_other_sites_and_unknown_executions(
    seeded_app: SeededApp, client: TestClient
) -> None:
    assert client.get("/events/nothing").status_code == 404
    execution_id = seeded_app.run("form", {"text": "hello"})
    assert client.get(f"/events/{execution_id}", headers={"Host": "evil.test"}).status_code == 403
    refused = client.get(f"/events/{execution_id}", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, "id:" in refused.text) == (403, False)


def test_behind_a_proxy_the_stream_needs_a_user(seeded_app: SeededApp) -> None:
    streams = EventStreams(lambda: seeded_app.app, lambda request: PROXIED.authorize(request.headers))
    app = Starlette(routes=[Route("/events/{execution_id}", streams.handle)])
    execution_id = seeded_app.run("form", {"text": "hello"})
    with TestClient(app, base_url="http://review.example") as client:
        assert client.get(f"/events/{execution_id}").status_code == 403
        named = client.get(f"/events/{execution_id}", headers={"X-Forwarded-Email": BEN})
        assert numbers(named.text)


def test_an_open_stream_ends_when_the_server_stops(seeded_app: SeededApp) -> None:
    streams = EventStreams(lambda: seeded_app.app, lambda request: LOCAL.authorize(request.headers))
    review = seeded_app.ask("draft")
    app = Starlette(routes=[Route("/events/{execution_id}", streams.handle)])
    with TestClient(app, base_url="http://localhost") as client:
        threading.Timer(0.3, streams.close).start()
        began = time.monotonic()
        answer = client.get(f"/events/{review.execution_id}")
        assert "event: ended" not in answer.text
        assert time.monotonic() - began < 5


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    headers = client.get("/events/nothing").headers
    policy = headers["content-security-policy"]
    assert "img-src 'self' data: blob:" in policy
    assert "frame-ancestors 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"


class HangingEngine:
    """An engine whose server does not answer."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answer = threading.Event()

    def start(self, _wanted: StartRequest) -> str:
        return "started"

    def wake(self, execution_id: str) -> None:
        self.asked.set()
        self.answer.wait(10)
        raise Unavailable("no answer")

    cancel = wake


def test_pages_do_not_wait_for_an_engine_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    hanging = HangingEngine()
    engine = BackgroundEngine(hanging)
    began = time.monotonic()
    engine.wake("e1")
    engine.cancel("e2")
    assert time.monotonic() - began < 1
    assert hanging.asked.wait(5)
    with caplog.at_level(logging.WARNING):
        hanging.answer.set()
        engine.close()
    assert "the reconciler will wake execution e1" in caplog.text
    assert engine.start(StartRequest(workflow="w", version=1, inputs={})) == "started"


def test_the_server_does_not_listen_to_other_machines_without_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRUSTED_HEADERS_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="without sign-in"):
        command(Settings(), 8501, address="0.0.0.0")
    monkeypatch.setenv(TRUSTED_HEADERS_VARIABLE, '{"X-Forwarded-Email": "email"}')
    assert "--server.address=0.0.0.0" in command(Settings(), 8501, address="0.0.0.0")


def test_the_command_line_restricts_the_server() -> None:
    flags = command(Settings(review_url="https://review.example:8443/x"), 8501)
    for flag in (
        "--server.address=127.0.0.1",
        "--server.enableCORS=true",
        "--server.enableXsrfProtection=true",
        "--server.enableAgentApi=false",
        "--server.allowedHosts=127.0.0.1",
        "--server.allowedHosts=review.example",
        "--client.showErrorDetails=none",
        "--browser.gatherUsageStats=false",
        "--runner.postScriptGC=false",
    ):
        assert flag in flags
    assert Path(flags[4]).name == "asgi.py"


def test_the_environment_has_the_app_and_the_settings(tmp_path: Path) -> None:
    given = environment(Settings(home=tmp_path, user="ana"), {"PYTHONPATH": "/other"})
    first, *rest = given["PYTHONPATH"].split(":")
    assert (Path(first) / "review_app" / "main.py").is_file()
    assert rest == ["/other"]
    assert (given["FLOWBUILDER_HOME"], given["FLOWBUILDER_USER"]) == (str(tmp_path), "ana")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        ({"PREFECT_API_URL": "http://127.0.0.1:4200/api"}, "http://127.0.0.1:4200/runs/flow-run/e1"),
        (
            {"PREFECT_API_URL": "http://a/api", "PREFECT_UI_URL": "https://ui.example/"},
            "https://ui.example/runs/flow-run/e1",
        ),
        (
            {"PREFECT_API_URL": "https://api.prefect.cloud/api/accounts/a-1/workspaces/w-2"},
            "https://app.prefect.cloud/account/a-1/workspace/w-2/runs/flow-run/e1",
        ),
        ({"PREFECT_API_URL": "javascript:alert(1)"}, None),
    ],
)
def test_the_url_of_an_execution_in_prefect(given: dict[str, str], found: str | None) -> None:
    assert prefect_run_url("e1", given) == found
