"""No secret that a server sends back is stored, logged or shown."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.app import App
from flowbuilder.engine.history import iter_events
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from tests.support.planted_secrets import LINE, SECRETS, PlantedServers, document, found_in

FAILING = {
    *("bad_error", "bad_wrong", "bad_away", "moved", "refused", "cms_denied", "inspect", "tool_fail", "tool_web"),
    *("fail_openai", "fail_anthropic", "fail_google"),
}


def test_the_search_finds_every_planted_secret() -> None:
    assert found_in(LINE.encode()) == list(SECRETS)
    assert len(SECRETS) == 20


@pytest.mark.timeout(300)
def test_secrets_that_servers_send_back_are_neither_stored_nor_logged(
    tmp_path: Path,
    httpserver: HTTPServer,
    sqlite_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the servers' own log
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRETS["environment key"])
    servers = PlantedServers(httpserver, tmp_path / "home")
    settings = Settings(home=servers.home, sites=tmp_path, egress_allow="127.0.0.1", database_url=sqlite_url)
    store = open_store(sqlite_url)
    runner = LocalRunner(store, real_ports(settings, FileConnections(servers.home)))
    app = App(store, runner, settings, plans=runner.plans)
    store.save_site("planted.example", servers.site())
    app.publish(app.push(document()).workflow)
    execution_id = app.start("planted", {}, site="planted.example")
    asyncio.run(runner.run(execution_id))

    outcomes = {outcome.path: outcome for outcome in store.outcomes(execution_id)}
    failed = {path: outcome.error for path, outcome in outcomes.items() if outcome.status == "failed"}
    assert set(failed) == FAILING, failed
    for path in ("api_json", "page", "cms", "rows", "ask_openai", "ask_anthropic", "ask_google", "tool_say", "post"):
        assert "[secret of connection" in json.dumps(outcomes[path].output), path
    (review,) = app.open_reviews_of(execution_id)
    shown = [outcomes, failed, review, list(iter_events(store, execution_id)), app.execution(execution_id)]
    assert found_in(repr(shown).encode()) == []
    for file in tmp_path.glob("flowbuilder.db*"):
        assert found_in(file.read_bytes()) == [], file
    written = capfd.readouterr()
    assert found_in((written.out + written.err + caplog.text).encode()) == []
