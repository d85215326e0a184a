"""`doctor`: each check reports a verdict, a message and a remedy; nothing is changed."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.app import App
from flowbuilder.bootstrap import open_store
from flowbuilder.devstack.doctor import CheckResult, run_checks
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.settings import Settings
from flowbuilder.testing import MemoryStore, fake_ports


def findings(settings: Settings) -> dict[str, CheckResult]:
    return {finding.name: finding for finding in run_checks(settings)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path


@pytest.fixture
def prefect(httpserver: HTTPServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    monkeypatch.setenv("PREFECT_API_URL", httpserver.url_for("/api"))
    httpserver.expect_request("/api/health").respond_with_json(True)
    return httpserver


def test_a_fresh_home_has_warnings_and_no_problem(home: Path) -> None:
    found = findings(Settings(home=home, sites=home / "sites"))
    assert {name for name, finding in found.items() if finding.verdict == "problem"} == set()
    assert found["database"].message.endswith("will be created on first use")
    assert found["Prefect"].remedy == "run `flowbuilder up`, or set PREFECT_API_URL"
    assert found["sites"].verdict == "warning"
    assert list(home.iterdir()) == []


def test_a_prefect_server_that_is_down_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    found = findings(Settings(home=home))["Prefect"]
    assert (found.verdict, found.message) == ("problem", "http://127.0.0.1:9/api does not answer")


def test_a_prefect_server_of_another_version_is_a_problem(home: Path, prefect: HTTPServer) -> None:
    prefect.expect_request("/api/admin/version").respond_with_json("3.2.1")
    found = findings(Settings(home=home))["Prefect"]
    assert found.verdict == "problem"
    assert "3.2.1" in found.message


def test_a_pool_without_a_worker_is_a_problem_with_its_command(home: Path, prefect: HTTPServer) -> None:
    prefect.expect_request("/api/admin/version").respond_with_json(version("prefect"))
    prefect.expect_request("/api/work_pools/mine").respond_with_json({"name": "mine"})
    prefect.expect_request("/api/work_pools/mine/workers/filter").respond_with_json([{"status": "OFFLINE"}])
    found = findings(Settings(home=home, work_pool="mine"))
    assert found["Prefect"].verdict == "ok"
    assert (found["worker"].verdict, found["worker"].remedy) == ("problem", "run `flowbuilder worker --pool mine`")


def test_an_online_worker_is_ok(home: Path, prefect: HTTPServer) -> None:
    prefect.expect_request("/api/admin/version").respond_with_json(version("prefect"))
    prefect.expect_request("/api/work_pools/mine").respond_with_json({"name": "mine"})
    prefect.expect_request("/api/work_pools/mine/workers/filter").respond_with_json([{"status": "ONLINE"}])
    assert findings(Settings(home=home, work_pool="mine"))["worker"].verdict == "ok"


class SlowClockServer(BaseHTTPRequestHandler):
    """A Prefect server whose clock has stopped."""

    def do_GET(self) -> None:
        body = json.dumps(version("prefect")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Sat, 01 Jan 2000 00:00:00 GMT"

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_clock_that_differs_is_a_warning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowClockServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_address[1]}/api")
        found = findings(Settings(home=home))
        server.shutdown()
    assert found["Prefect"].verdict == "ok"
    assert found["clock"].verdict == "warning"


def test_site_files_are_checked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    sites = home / "sites"
    sites.mkdir()
    (sites / "good.yaml").write_text("site: a.example\nbase_url: https://a.example\nmodels: {editor: 'demo:editor'}\n")
    (sites / "poor.yaml").write_text(
        "site: b.example\nbase_url: https://b.example\nmodels: {editor: 'openai:x'}\n"
        "gsc: {property: 'sc-domain:b.example', connection: nowhere}\n"
    )
    (sites / "broken.yaml").write_text("site: [\n")
    found = list(run_checks(Settings(home=home, sites=sites)))
    said = [(finding.name, finding.verdict, finding.message) for finding in found if finding.name.startswith("site ")]
    assert ("site a.example", "ok", "file, connections and model keys are valid") in said
    assert ("site b.example", "warning", "the model openai:x (editor) needs a key") in said
    assert any(name == "site b.example" and "no connection 'nowhere'" in text for name, _, text in said)
    assert any(name == "site broken" and "has errors" in text for name, _, text in said)


def test_an_unreachable_database_is_a_problem(home: Path) -> None:
    url = "postgresql://missing@127.0.0.1:9/nothing"
    found = findings(Settings(home=home, database_url=url))["database"]
    assert found.verdict == "problem"


def test_invalid_limits_are_a_problem_with_the_name_of_the_connection(home: Path) -> None:
    settings = Settings(home=home, sites=home / "sites")
    assert findings(settings)["connections"].verdict == "ok"
    (home / "connections.yaml").write_text(
        "shop: {token: {env: NOT_SET}, limits: {rate: 60/minute}}\ncms: {limits: {rate: often}}\n"
    )
    found = findings(settings)
    assert found["connection cms"].verdict == "problem"
    assert found["connection cms"].message.startswith(
        "connection cms: limits.rate cannot be 'often'; write a number and"
    )
    assert "connection shop" not in found


def test_a_database_whose_record_is_wrong_is_a_problem_and_is_not_connected_to(home: Path) -> None:
    (home / "connections.yaml").write_text(
        "shop: {url: 'postgresql://ana:pa55word@db.invalid/shop', pasword: pa55word}\n"
        "notes: {url: 'sqlite:///notes.db'}\nreports: {url: 'postgresql://ana@db.invalid/reports'}\n"
    )
    found = findings(Settings(home=home, sites=home / "sites"))
    assert found["connection shop"].verdict == "problem"
    assert found["connection shop"].message.startswith("database shop has no field 'pasword'")
    assert "needs the absolute path" in found["connection notes"].message
    assert "connection reports" not in found
    assert "pa55word" not in str(found)


PAGES = """
schema: flowbuilder/v1
name: pages
steps:
  - {id: rows, type: api, connection: shop, url: /rows}
  - {id: tidy, type: code, source: len(rows), with: {rows: "{{ steps.rows.output.body }}"}}
outputs: {answer: "{{ steps.tidy.output }}"}
"""


def test_a_connection_that_a_published_workflow_names_must_exist(home: Path) -> None:
    settings = Settings(home=home, sites=home / "sites")
    app = App(open_store(settings), LocalRunner(MemoryStore(), fake_ports()), settings)
    app.push(PAGES)
    assert "workflow pages" not in findings(settings)
    app.publish("pages")
    found = findings(settings)["workflow pages"]
    assert (found.verdict, "no connection 'shop'" in found.message) == ("warning", True)
    (home / "connections.yaml").write_text("shop: {base_url: 'https://shop.example', token: {env: HOME}}\n")
    assert "workflow pages" not in findings(settings)


def test_a_secret_that_is_too_short_to_be_found_in_answers_is_said(home: Path) -> None:
    (home / "connections.yaml").write_text("a: {username: ab, password: abc}\nb: {username: ab, password: abcdef}\n")
    found = findings(Settings(home=home, sites=home / "sites"))
    assert (found["connection a"].verdict, found["connection a"].remedy) == ("warning", "use a longer one")
    assert "connection b" not in found
