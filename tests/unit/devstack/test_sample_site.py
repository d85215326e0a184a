"""The sample site: its pages and its Search Console API."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from flowbuilder.devstack.sample_site.site import SampleSite

CONTENT = Path(__file__).parents[3] / "deployments/content"
WINDOW = {"startDate": "2026-01-01", "endDate": "2026-01-28"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SampleSite]:
    shutil.copytree(CONTENT, tmp_path / "content")
    (tmp_path / "secret.md").write_text("secret")
    content = tmp_path / "content"
    with SampleSite(content=content, search=content / "search.yaml", port=0, today="2026-02-01") as served:
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


def get(site: SampleSite, path: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(site.address + path, method=method)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, problem.read().decode()


def ask(site: SampleSite, request_body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{site.address}/webmasters/v3/sites/sc-domain%3At.example/searchAnalytics/query",
        data=request_body if isinstance(request_body, bytes) else json.dumps(request_body).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.loads(problem.read())


def test_every_page_of_the_sitemap_is_a_complete_page(site: SampleSite) -> None:
    _, sitemap = get(site, "/sitemap.xml")
    places = [part.partition("</loc>")[0] for part in sitemap.split("<loc>")[1:]]
    assert len(places) >= 6
    for place in places:
        status, html = get(site, place.removeprefix(site.address))
        assert status == 200
        assert html.startswith("<!doctype html>")
        assert html.count("<h1>") == 1


def test_a_changed_file_changes_the_page(site: SampleSite) -> None:
    file = site.content / "guides/store-tea.md"
    file.write_text(file.read_text() + "\nIn a *tin* & <b>dark</b>.\n")
    assert "In a <em>tin</em> &amp; &lt;b&gt;dark&lt;/b&gt;." in get(site, "/guides/store-tea")[1]


@pytest.mark.parametrize("path", ["/nothing", "/../secret", "/%2e%2e/secret", "/guides/../../secret", "/search.yaml"])
def test_an_unknown_or_outside_path_is_not_found(site: SampleSite, path: str) -> None:
    status, html = get(site, path)
    assert (status, "secret\n" in html) == (404, False)


def test_head_sends_no_body(site: SampleSite) -> None:
    assert get(site, "/", "HEAD") == (200, "")


def test_totals_do_not_depend_on_the_dimensions(site: SampleSite) -> None:
    sums = set()
    for dimensions in ([], ["date"], ["page"], ["query"], ["page", "query", "date"]):
        _, answer = ask(site, {**WINDOW, "dimensions": dimensions, "rowLimit": 25_000})
        sums.add((sum(row["clicks"] for row in answer["rows"]), sum(row["impressions"] for row in answer["rows"])))
        assert all(len(row["keys"]) == len(dimensions) for row in answer["rows"])
    assert len(sums) == 1


def test_rows_can_be_read_page_by_page(site: SampleSite) -> None:
    request_body = {**WINDOW, "dimensions": ["query"]}
    _, whole = ask(site, request_body)
    parts = []
    for first in range(0, 100, 5):
        _, answer = ask(site, {**request_body, "rowLimit": 5, "startRow": first})
        parts += answer.get("rows", [])
    assert parts == whole["rows"]


def test_one_guide_loses_clicks_and_another_does_not(site: SampleSite) -> None:
    def clicks(path: str, start: str, end: str) -> float:
        page = {"dimension": "page", "expression": site.address + path}
        request_body = {"startDate": start, "endDate": end, "dimensionFilterGroups": [{"filters": [page]}]}
        return float(ask(site, request_body)[1]["rows"][0]["clicks"])

    for path, falls in (("/guides/brew-green-tea", True), ("/guides/gongfu-brewing", False)):
        early, late = clicks(path, "2025-12-01", "2025-12-28"), clicks(path, "2025-12-29", "2026-01-25")
        assert (late < 0.9 * early) is falls


@pytest.mark.parametrize(
    ("request_body", "said"),
    [
        ({}, "startDate"),
        ({"startDate": "2026-01-09", "endDate": "2026-01-01"}, "is after endDate"),
        ({**WINDOW, "dimensions": ["colour"]}, "colour"),
        ({**WINDOW, "rowLimit": 25_001}, "rowLimit"),
        ({**WINDOW, "dimensionFilterGroups": [{"filters": [{"dimension": "page", "operator": "like"}]}]}, "operator"),
        (b"{", "not JSON"),
        ([], "not an object"),
    ],
)
def test_an_invalid_request_gets_an_error_in_googles_form(site: SampleSite, request_body: Any, said: str) -> None:
    status, answer = ask(site, request_body)
    assert (status, answer["error"]["code"]) == (400, 400)
    assert said in answer["error"]["message"]
