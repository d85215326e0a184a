"""No secret that a server sends back, and no sensitive input, is stored, logged or shown."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder import bootstrap
from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.app import App
from flowbuilder.audit.scan import audit
from flowbuilder.cli import main
from flowbuilder.cli.output.step_text import step_text
from flowbuilder.engine.history import iter_events
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.model.review_rules import Answer
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from review_app.widgets.step_detail import markup
from tests.support.planted_secrets import (
    INSIDE,
    LINE,
    SECRETS,
    SENSITIVE,
    PlantedServers,
    document,
    found_in,
    rows_but_sensitive,
)
from tests.support.servers.postgres import Server

FAILING = {
    *("bad_error", "bad_wrong", "bad_away", "moved", "refused", "cms_denied", "inspect", "tool_fail", "tool_web"),
    *("fail_openai", "fail_anthropic", "fail_google", "broken", "sql_rows_refused", "sql_elsewhere"),
}
INPUTS = {"label": "no secret", **SENSITIVE}


def test_the_search_finds_every_planted_secret() -> None:
    assert found_in(LINE.encode()) == list(SECRETS | INSIDE)
    assert len(SECRETS) == 21


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with our schema; on PostgreSQL one of its own, so that it can be dumped."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database(request.getfixturevalue("postgres_template")) as made:
        yield made


@pytest.mark.timeout(300)
def test_secrets_are_neither_stored_nor_logged_nor_shown(
    tmp_path: Path,
    httpserver: HTTPServer,
    url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the servers' own log
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRETS["environment key"])
    servers = PlantedServers(httpserver, tmp_path / "home")
    settings = Settings(home=servers.home, sites=tmp_path, egress_allow="127.0.0.1", database_url=url)
    embedded = url.startswith("sqlite")
    store = open_store(url, durable=embedded)  # the PostgreSQL of the tests runs without fsync, which commands refuse
    runner = LocalRunner(store, real_ports(settings, FileConnections(servers.home)))
    app = App(store, runner, settings, plans=runner.plans)
    store.save_site("planted.example", servers.site())
    app.publish(app.push(document()).workflow)
    execution_id = app.start("planted", INPUTS, site="planted.example")
    asyncio.run(runner.run(execution_id))

    outcomes = {outcome.path: outcome for outcome in store.outcomes(execution_id)}
    failed = {path: outcome.error for path, outcome in outcomes.items() if outcome.status == "failed"}
    assert set(failed) == FAILING, failed
    for path in ("api_json", "page", "cms", "rows", "ask_openai", "ask_anthropic", "ask_google", "tool_say", "post"):
        assert "[secret of connection" in json.dumps(outcomes[path].output), path
        assert "[sensitive input text]" in json.dumps(outcomes[path].output), path
    assert outcomes["code"].output == ["[sensitive input text]", 2]
    assert httpserver.log
    assert any(sent.headers.get("X-Key") == SENSITIVE["text"] for sent, _ in httpserver.log)
    (review,) = app.open_reviews_of(execution_id)
    _assert_hidden(app, execution_id, [outcomes, failed, review])
    app.decide(review.id, Answer.to(review, kind="approved", by="ana@example.com"))
    asyncio.run(runner.run(execution_id))

    ended = app.execution(execution_id)
    assert ended.status == "completed"
    hidden = "[hidden]"
    assert ended.inputs == {"label": "no secret", "text": hidden, "number": hidden, "nested": hidden}
    assert ended.outputs["given"] == hidden
    _assert_hidden(app, execution_id, [])
    assert [str(finding) for finding in audit(store)] == []
    commands = _commands(execution_id, review.id) if embedded else ()
    shown = [_command(settings, monkeypatch, capfd, *command) for command in commands]
    assert found_in("\n".join(shown).encode()) == []
    _assert_not_stored(url, tmp_path, request)
    written = capfd.readouterr()
    assert found_in((written.out + written.err + caplog.text).encode()) == []


def _assert_hidden(app: App, execution_id: str, more: list[Any]) -> None:
    shown = [*more, list(iter_events(app.store, execution_id)), app.execution(execution_id)]
    for path in sorted({event.path for event in app.events(execution_id, limit=10_000) if event.path}):
        detail = app.step_detail(execution_id, path)
        shown += [detail, step_text(detail), markup(detail)]
    shown += [app.step_views(execution_id), app.reviews_of(execution_id), list(app.store.effects(execution_id))]
    assert found_in(repr(shown).encode()) == []


def _commands(execution_id: str, review_id: str) -> Iterator[tuple[str, ...]]:
    for output in ("text", "json"):
        for command in (
            ("executions", "show", execution_id),
            ("executions", "show", execution_id, "--step", "given_model"),
            ("executions", "show", execution_id, "--step", "code"),
            ("executions", "list"),
            ("executions", "watch", execution_id),
            ("reviews", "show", review_id),
            ("reviews", "list"),
            ("audit",),
            ("show", "planted"),
        ):
            yield (*command, "--format", output)


def _command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *command: str
) -> str:
    monkeypatch.setenv("FLOWBUILDER_HOME", str(settings.home))
    monkeypatch.setenv("FLOWBUILDER_DATABASE_URL", settings.url)
    monkeypatch.setenv("FLOWBUILDER_USER", "ana@example.com")
    bootstrap.settings.cache_clear()
    try:
        code = main(command)
    finally:
        bootstrap.settings.cache_clear()
    printed = capfd.readouterr()
    assert code == 0, (command, printed.err)
    return printed.out + printed.err


def _assert_not_stored(url: str, folder: Path, request: pytest.FixtureRequest) -> None:
    rows = rows_but_sensitive(url)
    assert b"[sensitive input text]" in rows
    assert found_in(rows) == []
    connections = set(SECRETS)
    for file in folder.glob("flowbuilder.db*"):
        assert connections.isdisjoint(found_in(file.read_bytes())), file
    if url.startswith("postgres"):
        server: Server = request.getfixturevalue("postgres")
        program = str(server.binaries / "pg_dump") if server.binaries else "pg_dump"
        dump = subprocess.run([program, "--exclude-table=sensitive_inputs", url], capture_output=True, check=True)
        assert b"[sensitive input text]" in dump.stdout
        assert found_in(dump.stdout) == []
