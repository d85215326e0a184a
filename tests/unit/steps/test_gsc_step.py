"""The `gsc` step against the sample site's Search Console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.devstack.sample_site.site import SampleSite
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, FakeSearchConsole, Finished, fake_ports

Run = Callable[..., Finished]
CONTENT = Path(__file__).parents[3] / "deployments/content"


@pytest.fixture
def served() -> Iterator[SampleSite]:
    with SampleSite(content=CONTENT, search=CONTENT / "search.yaml", port=0) as site:
        thread = Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def ports(served: SampleSite, tmp_path: Path) -> Any:
    allowed = served.address.removeprefix("http://")
    return real_ports(Settings(home=tmp_path, egress_allow=allowed), FileConnections(tmp_path))


@pytest.fixture
def site(served: SampleSite) -> dict[str, Any]:
    return {"site": "t.example", "gsc": {"property": "sc-domain:t.example", "base_url": served.address}}


def test_rows_have_the_documented_form_most_clicks_first(run: Run, site: dict[str, Any], served: SampleSite) -> None:
    finished = run({"type": "gsc", "dimensions": ["page", "query"], "start_date": "-30d", "row_limit": 5}, site=site)
    assert finished.status == "completed", finished.error
    rows = finished.outputs["s"]["rows"]
    assert len(rows) == 5
    assert [row["clicks"] for row in rows] == sorted((row["clicks"] for row in rows), reverse=True)
    assert set(rows[0]) == {"keys", "clicks", "impressions", "ctr", "position"}
    assert rows[0]["keys"][0].startswith(served.address)
    assert rows[0]["ctr"] == pytest.approx(rows[0]["clicks"] / rows[0]["impressions"])


def test_filters_and_templates_narrow_the_rows(run: Run, site: dict[str, Any], served: SampleSite) -> None:
    page = f"{served.address}/guides/cold-brew-tea"
    step = {
        "type": "gsc",
        "dimensions": ["query"],
        "start_date": "-{{ inputs.days }}d",
        "row_limit": "{{ inputs.days }}",
        "filters": [{"dimension": "page", "expression": "{{ inputs.page }}"}],
    }
    given = {"days": 30, "page": page}
    finished = run(step, site=site, inputs={"days": {"type": "integer"}, "page": {"type": "string"}}, given=given)
    assert {row["keys"][0] for row in finished.outputs["s"]["rows"]} == {
        "cold brew tea",
        "cold brew tea ratio",
        "cold brew hibiscus tea",
    }


def test_fresh_figures_are_marked(run: Run, site: dict[str, Any]) -> None:
    step = {"type": "gsc", "dimensions": ["date"], "start_date": "-10d", "data_state": "all"}
    output = run(step, site=site).outputs["s"]
    today = datetime.now(ZoneInfo("America/Los_Angeles")).date()
    assert output["final_until"] == (today - timedelta(days=3)).isoformat()
    assert output["rows"][-1]["keys"] == [(today - timedelta(days=1)).isoformat()]


@pytest.mark.parametrize(("path", "verdict"), [("/guides/brew-green-tea", "PASS"), ("/guides/nothing", "NEUTRAL")])
def test_inspect_outputs_the_index_status(run: Run, site: dict[str, Any], path: str, verdict: str) -> None:
    step = {"type": "gsc", "operation": "inspect", "url": f"https://t.example{path}"}
    output = run(step, site=site).outputs["s"]
    assert output["inspection"]["indexStatusResult"]["verdict"] == verdict
    assert output["rows"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"start_date": "2026-02-30"}, "invalid_field"),
        ({"start_date": "last week"}, "invalid_field"),
        ({"start_date": "-1d", "end_date": "-5d"}, "invalid_field"),
        ({"operation": "inspect"}, "invalid_field"),
        ({"dimensions": ["searchAppearance"]}, "http_400"),
    ],
)
def test_an_invalid_query_fails_and_names_its_field(
    run: Run, site: dict[str, Any], fields: dict[str, Any], code: str
) -> None:
    finished = run({"type": "gsc", **fields}, site=site)
    assert (finished.status, finished.error["code"]) == ("failed", code), finished.error


def test_a_site_without_a_property_is_a_configuration_error(run: Run) -> None:
    finished = run({"type": "gsc"}, site={"site": "t.example"})
    assert finished.error["code"] == "configurationerror"
    assert "gsc: {property" in finished.error["message"]


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2026, 1, 6, 7, 59, tzinfo=UTC), "2026-01-05"),
        (datetime(2026, 1, 6, 8, 0, tzinfo=UTC), "2026-01-06"),
        (datetime(2026, 7, 6, 6, 59, tzinfo=UTC), "2026-07-05"),
        (datetime(2026, 7, 6, 7, 0, tzinfo=UTC), "2026-07-06"),
        # summer time begins on 8 March and ends on 1 November
        (datetime(2026, 3, 8, 7, 59, tzinfo=UTC), "2026-03-07"),
        (datetime(2026, 3, 9, 7, 0, tzinfo=UTC), "2026-03-09"),
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), "2026-11-01"),
        (datetime(2026, 11, 2, 7, 59, tzinfo=UTC), "2026-11-01"),
    ],
)
def test_days_begin_at_midnight_in_california(run: Run, now: datetime, today: str) -> None:
    console = FakeSearchConsole()
    run({"type": "gsc", "end_date": "today"}, ports=fake_ports(search_console=console, clock=FakeClock(now)))
    assert console.queries[0].end_date == today


def test_dates_are_counted_from_the_clock_of_the_ports(run: Run) -> None:
    console = FakeSearchConsole()
    run({"type": "gsc", "start_date": "-28d", "end_date": "yesterday"}, ports=fake_ports(search_console=console))
    assert (console.queries[0].start_date, console.queries[0].end_date) == ("2025-12-08", "2026-01-04")
