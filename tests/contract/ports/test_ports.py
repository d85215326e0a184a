"""Contract of the ports: the public fakes and the adapters pass the same tests."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.google.search_console import GoogleSearchConsole
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.adapters.ports import SystemClock
from flowbuilder.devstack.sample_site.site import SampleSite
from flowbuilder.engine.effects.effect_ledger import EffectLedger
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.model.effect import Intent
from flowbuilder.ports import (
    Clock,
    Connections,
    Http,
    HttpRequest,
    LanguageModel,
    Ledger,
    McpServers,
    ModelAnswer,
    ModelRequest,
    SearchConsole,
    SearchQuery,
)
from flowbuilder.testing import (
    FakeClock,
    FakeConnections,
    FakeHttp,
    FakeMcp,
    FakeModel,
    FakeSearchConsole,
    MemoryJournal,
    MemoryLedger,
    MemoryStore,
    ModelServer,
    respond,
)
from flowbuilder.testing.model_servers import WIRES, Sent, Wire
from flowbuilder.values import digest_text
from tests.support.store_contract import StoreHarness

BASE = "https://tea.example"
CONTENT = Path(__file__).parents[3] / "deployments/content"


# --- HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "real"])
def http(request: pytest.FixtureRequest, httpserver: HTTPServer) -> Http:
    base = httpserver.url_for("").rstrip("/")
    if request.param == "fake":
        return FakeHttp(
            {
                f"{base}/json": {"a": 1},
                f"{base}/html": "<p>ü</p>",
                f"POST {base}/json": respond({"made": True}, status=201, headers={"X-Id": "7"}),
                f"{base}/gone": TransientError("gone", reason="connection"),
                f"{base}/json?q=a+b": {"q": "a b"},
            }
        )
    httpserver.expect_request("/json", method="GET", query_string="q=a+b").respond_with_json({"q": "a b"})
    httpserver.expect_request("/json", method="GET").respond_with_json({"a": 1})
    httpserver.expect_request("/html").respond_with_data("<p>ü</p>", content_type="text/html; charset=utf-8")
    httpserver.expect_request("/json", method="POST").respond_with_json(
        {"made": True}, status=201, headers={"X-Id": "7"}
    )
    httpserver.expect_request("/nothing").respond_with_data("not found", status=404)
    return GuardedHttp(Egress(["127.0.0.1"]))


async def send(http: Http, server: HTTPServer, place: str, **more: Any) -> Any:
    method, _, path = place.rpartition(" ")
    return await http.send(HttpRequest(method=method or "GET", url=server.url_for(path), **more))


async def test_http_answers_with_status_body_address_and_lower_case_headers(http: Http, httpserver: HTTPServer) -> None:
    answer = await send(http, httpserver, "/json")
    assert (answer.status, json.loads(answer.body), answer.url) == (200, {"a": 1}, httpserver.url_for("/json"))
    assert answer.headers["content-type"] == "application/json"
    assert (await send(http, httpserver, "/html")).text == "<p>ü</p>"
    made = await send(http, httpserver, "POST /json", json={})
    assert (made.status, made.headers["x-id"]) == (201, "7")


async def test_http_leaves_statuses_to_its_caller(http: Http, httpserver: HTTPServer) -> None:
    answer = await send(http, httpserver, "/nothing")
    assert answer.status == 404
    with pytest.raises(StepError) as caught:
        answer.ensure_success("GET /nothing")
    assert caught.value.code == "http_404"


async def test_http_sends_the_query(http: Http, httpserver: HTTPServer) -> None:
    answer = await send(http, httpserver, "/json", query={"q": "a b", "left_out": None})
    assert json.loads(answer.body) == {"q": "a b"}


# --- models -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "demo", *WIRES])
def models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageModel]:
    if request.param in ("fake", "demo"):
        yield FakeModel() if request.param == "fake" else NamedModels()
        return
    with ModelServer(request.param) as server:
        server.will(_answered)
        yield _AskedAs(server)


def _answered(wire: Wire, asked: Any) -> Sent:
    if asked.get("tools"):
        return wire.answer(asked, json.dumps({"body": "fresh", "score": 0.5}))
    return wire.say(asked, "fresh")


class _AskedAs:
    """The real models, asked for the model of a server in place of the demo model."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        server = self._server
        return await NamedModels().complete(replace(request, model=server.wire.model, connection=server.connection))


def question(**more: Any) -> ModelRequest:
    return ModelRequest(model="demo:x", prompt="Rewrite.\nOne line.", **more)


async def test_a_model_answers_with_an_object_that_fits_the_schema(models: LanguageModel) -> None:
    schema = {
        "type": "object",
        "properties": {"body": {"type": "string"}, "score": {"type": "number", "minimum": 0.25, "maximum": 0.5}},
        "required": ["body", "score"],
    }
    answer = await models.complete(question(output_schema=schema))
    assert isinstance(answer.output, dict)
    assert isinstance(answer.output["body"], str)
    assert 0.25 <= answer.output["score"] <= 0.5


async def test_a_model_answers_with_a_text_without_a_schema(models: LanguageModel) -> None:
    output = (await models.complete(question())).output
    assert isinstance(output, dict)
    assert set(output) == {"text"}


async def test_a_model_reports_its_usage(models: LanguageModel) -> None:
    usage = (await models.complete(question())).usage
    assert {"requests", "input_tokens", "output_tokens", "usd"} <= set(usage)


async def test_a_model_answers_a_repeated_request_from_its_journal(models: LanguageModel) -> None:
    journal = MemoryJournal()
    first = await models.complete(question(journal=journal))
    again = await models.complete(question(journal=journal.again()))
    assert (first.output, first.usage) == (again.output, again.usage)
    if isinstance(models, FakeModel):
        assert len(models.requests) == 1
    if isinstance(models, _AskedAs):
        assert len(models._server.asked) == 1


async def test_a_model_never_returns_an_answer_that_does_not_fit_the_schema() -> None:
    with pytest.raises(StepError) as caught:
        await FakeModel([{"n": "x"}]).complete(
            question(output_schema={"type": "object", "properties": {"n": {"type": "integer"}}})
        )
    assert caught.value.code == "schema_mismatch"


# --- Search Console -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "real"])
def console(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchConsole]:
    if request.param == "fake":
        row = {"clicks": 2.0, "impressions": 40.0, "ctr": 0.05, "position": 7.5}
        yield FakeSearchConsole([{"keys": [f"query {n}"], **row} for n in range(9)], final_until="2026-01-28")
        return
    shutil.copytree(CONTENT, tmp_path / "content")
    content = tmp_path / "content"
    with SampleSite(content=content, search=content / "search.yaml", port=0, today="2026-02-01") as served:
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield GoogleSearchConsole(
            GuardedHttp(Egress(["127.0.0.1"])), FakeConnections({"g": {"auth": "none"}}), base_url=served.address
        )
        served.shutdown()
        thread.join()


SITE = {"site": "t.example", "gsc": {"property": "sc-domain:t.example", "connection": "g"}}


async def test_search_console_gives_rows_up_to_the_limit(console: SearchConsole) -> None:
    query = SearchQuery(dimensions=("query",), start_date="2026-01-01", end_date="2026-01-28", row_limit=4)
    found = await console.query(SITE, query)
    assert len(found["rows"]) == 4
    for row in found["rows"]:
        assert set(row) == {"keys", "clicks", "impressions", "ctr", "position"}
        assert len(row["keys"]) == 1
    assert found["final_until"] == "2026-01-28"


async def test_search_console_inspects_a_url(console: SearchConsole) -> None:
    found = await console.inspect(SITE, "https://t.example/guides/store-tea")
    assert found["indexStatusResult"]["verdict"] == "PASS"


# --- connections --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "file"])
def connections(request: pytest.FixtureRequest, tmp_path: Path) -> Connections:
    if request.param == "fake":
        return FakeConnections({"wp": {"url": BASE, "password": "pw"}})
    (tmp_path / "connections.yaml").write_text(f"wp: {{url: '{BASE}', password: {{env: PW}}}}\n")
    return FileConnections(tmp_path, environment={"PW": "pw"})


async def test_a_connection_is_found_by_its_name_and_is_a_copy(connections: Connections) -> None:
    found = await connections.get("wp")
    assert found == {"url": BASE, "password": "pw"}
    found["password"] = "changed"
    assert (await connections.get("wp"))["password"] == "pw"


async def test_a_missing_connection_is_a_configuration_error(connections: Connections) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        await connections.get("nowhere")


# --- the clock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", [FakeClock(), SystemClock()], ids=["fake", "real"])
async def test_a_clock_is_in_utc_and_advances_during_a_sleep(clock: Clock) -> None:
    before = clock.now()
    await clock.sleep(0.02)
    assert before.tzinfo is UTC
    assert 0.02 <= (clock.now() - before).total_seconds() < 5


# --- the ledger ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "of the store"])
def ledger(request: pytest.FixtureRequest, clock: FakeClock) -> Ledger:
    if request.param == "memory":
        return MemoryLedger(clock=clock)
    store = MemoryStore(clock=clock)
    return EffectLedger(store, StoreHarness(store, clock).claim())


async def begin(ledger: Ledger, key: str = "k") -> Any:
    return await ledger.begin(
        Intent(key=key, path="publish", target="update x", target_class="lookup", request_hash="h")
    )


async def test_a_ledger_keeps_the_intent_and_then_the_receipt(ledger: Ledger) -> None:
    first = await begin(ledger)
    assert (first.status, first.resumed, first.receipt) == ("intended", False, None)
    again = await begin(ledger)
    assert (again.status, again.resumed) == ("intended", True)
    await ledger.done("k", receipt={"id": 7}, inverse={"undo": True})
    done = await begin(ledger)
    assert (done.status, done.receipt, done.inverse, done.request_hash) == ("done", {"id": 7}, {"undo": True}, "h")


async def test_a_ledger_records_an_unknown_outcome(ledger: Ledger) -> None:
    await begin(ledger)
    await ledger.unknown("k", reason="cut off")
    held = await begin(ledger)
    assert (held.status, held.resumed) == ("unknown", True)
    await ledger.done("k", receipt={})
    assert (await begin(ledger)).status == "done"


async def test_a_ledger_takes_only_approved_bytes_for_approved(ledger: Ledger) -> None:
    assert await ledger.approved(digest_text("never shown")) is False
    assert await ledger.approvals(digest_text("never shown")) == {}


# --- MCP servers --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "real"])
def servers(request: pytest.FixtureRequest) -> McpServers:
    if request.param == "fake":
        return FakeMcp({"tools": {"shout": lambda arguments: str(arguments["text"]).upper(), "add": {"total": 5}}})
    program = Path(__file__).parents[2] / "support/servers/small_mcp_program.py"
    record = {"command": [sys.executable, "-S", str(program)], "tools": ["shout", "add"]}
    return ConnectedServers(FakeConnections({"tools": record}))


async def test_an_mcp_server_lists_its_tools_and_answers_with_text_or_with_a_value(servers: McpServers) -> None:
    async with servers.open("tools") as session:
        assert {tool.name for tool in await session.tools()} == {"shout", "add"}
        assert (await session.call("shout", {"text": "tea"}, seconds=20)).text == "TEA"
        assert (await session.call("add", {"a": 2, "b": 3}, seconds=20)).structured == {"total": 5}
        with pytest.raises(StepError) as caught:
            await session.call("whisper", {}, seconds=20)
        assert caught.value.code == "mcp_unknown_tool"


async def test_an_unconfigured_server_is_a_configuration_error(servers: McpServers) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        async with servers.open("nowhere"):
            pass
