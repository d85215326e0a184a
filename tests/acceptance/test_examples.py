"""The sample workflows on the sample site: real HTTP, real files, the sandbox, and scripted reviewers."""

from __future__ import annotations

import contextlib
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.cms.front_matter import parse_document
from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.analysis.linter import check
from flowbuilder.definition.loader import load
from flowbuilder.devstack.sample_site.site import SampleSite
from flowbuilder.ports import Ports
from flowbuilder.settings import Settings
from flowbuilder.testing import Answer, Finished, run_locally
from flowbuilder.values import JsonObject

ROOT = Path(__file__).parents[2] / "deployments"
WORKFLOWS = {path.stem: path.read_text() for path in sorted((ROOT / "workflows").glob("*.yaml"))}
DECAYED = "/guides/brew-green-tea"


class ServedSite:
    """A served copy of the sample site, and ports that reach it."""

    def __init__(self, folder: Path, served: SampleSite) -> None:
        self.content = served.content
        self.address = served.address
        settings = Settings(
            home=folder, sites=folder, egress_allow=self.address.removeprefix("http://"), gsc_base_url=self.address
        )
        self.ports: Ports = real_ports(settings, FileConnections(folder))
        self.site: JsonObject = {
            "site": "leaf-and-kettle.example",
            "base_url": self.address,
            "gsc": {"property": "sc-domain:leaf-and-kettle.example", "base_url": self.address},
            "cms": {"type": "files", "root": "content", "url_prefix": "/"},
            "models": {"editor": "demo:editor"},
            "reviewers": {"editors": ["tester@localhost"]},
        }

    def run(self, name: str, inputs: JsonObject | None = None, **options: Any) -> Finished:
        """Run a sample workflow; the workflow that it calls is stored too."""
        called = tuple(text for other, text in WORKFLOWS.items() if other == "refresh-page" != name)
        return run_locally(WORKFLOWS[name], inputs or {}, ports=self.ports, site=self.site, called=called, **options)

    def live(self, path: str) -> str:
        """The HTML of a page, by HTTP."""
        with urllib.request.urlopen(self.address + path) as answer:
            return str(answer.read().decode())

    def source(self, path: str) -> str:
        """The Markdown file of a page."""
        return (self.content / f"{path.strip('/')}.md").read_text()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[ServedSite]:
    """Serve a copy of the sample site in the folder."""
    content = folder / "content"
    shutil.copytree(ROOT / "content", content)
    with SampleSite(content=content, search=content / "search.yaml", port=0) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield ServedSite(folder, site)
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServedSite]:
    with served(tmp_path) as running:
        yield running


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_sample_workflow_has_no_problems(name: str) -> None:
    others = {other: load(text)[0] for other, text in WORKFLOWS.items()}
    definition, report = load(WORKFLOWS[name])
    assert definition is not None, report.summary()
    report += check(definition, workflows=lambda called, number: others[called])
    assert not list(report), [str(item) for item in report]


def test_the_page_that_loses_most_is_drafted_and_waits_for_review(site: ServedSite) -> None:
    before = site.source(DECAYED)
    finished = site.run("decay-refresh")
    assert finished.status == "waiting", finished.error
    (review,) = finished.waiting
    assert finished.outcomes["pick"].output["url"] == site.address + DECAYED
    assert finished.outcomes["pick"].output["now"] < finished.outcomes["pick"].output["before"]
    assert review.request.title.startswith('Refresh "How to brew green tea')
    assert review.request.base == parse_document(before).body
    assert review.request.proposal != review.request.base
    assert "demo model, no LLM" in review.request.findings[0]["evidence"]
    assert site.source(DECAYED) == before


def test_an_approved_draft_is_published_to_the_file_and_the_live_page(site: ServedSite) -> None:
    before = site.live(DECAYED)
    finished = site.run("decay-refresh", decide={"review": "approve"})
    assert finished.status == "completed", finished.error
    proposal = finished.reviews[0].request.proposal
    assert parse_document(site.source(DECAYED)).body == proposal
    assert "<h2>In short</h2>" in site.live(DECAYED)
    assert "<h2>In short</h2>" not in before
    verified = finished.outputs["verified"]
    assert verified["live"] is True
    assert verified["found"] == verified["new_lines"] > 3
    assert finished.outputs["receipt"]["body"] == proposal
    assert "title: How to brew green tea" in site.source(DECAYED)


def test_the_edit_of_a_reviewer_is_published(site: ServedSite) -> None:
    def edit(review: Any) -> Answer:
        return Answer(verb="approve", edited=review.request.base + "\nWhisk matcha with bamboo, not with a frother.\n")

    finished = site.run("decay-refresh", decide=edit)
    assert finished.status == "completed", finished.error
    assert "matcha with bamboo" in site.live(DECAYED)
    assert "In short" not in site.live(DECAYED)
    assert finished.outputs["verified"] == {"live": True, "new_lines": 1, "found": 1}


def test_a_rejected_draft_changes_nothing(site: ServedSite) -> None:
    before = site.source(DECAYED)
    finished = site.run("decay-refresh", decide={"review": "reject"})
    assert finished.status == "completed", finished.error
    assert finished.outputs["decision"] == "rejected"
    assert finished.outputs["receipt"] is None
    assert site.source(DECAYED) == before


def test_a_request_for_changes_gives_another_draft_with_a_finding_about_it(site: ServedSite) -> None:
    answers = {"review": Answer(verb="request-changes", comment="leave out the summary"), "review#2": "approve"}
    finished = site.run("decay-refresh", decide=lambda review: answers[review.path])
    assert finished.status == "completed", finished.error
    first, second = (review.request for review in sorted(finished.reviews, key=lambda review: review.path))
    assert "## In short" in first.proposal
    assert "## In short" not in second.proposal
    assert "leave out the summary" in second.findings[0]["evidence"]
    assert "In short" not in site.live(DECAYED)


def test_a_concurrent_edit_of_the_page_is_reviewed_before_it_is_overwritten(site: ServedSite) -> None:
    file = site.content / "guides/brew-green-tea.md"

    def decide(review: Any) -> Answer:
        if review.path == "review":
            file.write_text(site.source(DECAYED).replace("eleven", "twelve"))
            return Answer(verb="approve")
        assert "twelve" in review.request.base
        assert (review.request.may_edit, review.request.assign.group) == (False, "editors")
        return Answer(verb="approve")

    finished = site.run("decay-refresh", decide=decide)
    assert finished.status == "completed", finished.error
    first, second = sorted(finished.reviews, key=lambda review: review.path == "publish")
    assert (first.path, second.path) == ("review", "publish")
    assert first.decision is not None
    assert first.decision.approved == second.request.proposal
    assert "twelve" not in site.source(DECAYED)
    assert "In short" in site.live(DECAYED)


def test_a_given_page_is_refreshed_independent_of_the_search_data(site: ServedSite) -> None:
    url = f"{site.address}/guides/store-tea"
    finished = site.run("decay-refresh", {"url": url}, decide={"review": "approve"})
    assert finished.status == "completed", finished.error
    assert finished.outputs["url"] == url
    assert "In short" in site.live("/guides/store-tea")


def test_one_page_is_refreshed_by_refresh_page(site: ServedSite) -> None:
    finished = site.run("refresh-page", {"url": site.address + DECAYED}, decide={"review": "approve"})
    assert finished.status == "completed", finished.error
    assert finished.outputs["score"] >= 0.7
    assert "In short" in site.live(DECAYED)


def test_several_pages_are_reviewed_independently(site: ServedSite) -> None:
    waiting = site.run("decay-refresh-all", {"max_pages": 2})
    assert sorted(review.path for review in waiting.waiting) == ["pages[0].refresh.review", "pages[1].refresh.review"]
    finished = site.run(
        "decay-refresh-all",
        {"max_pages": 2},
        decide={"pages[0].refresh.review": "approve", "pages[1].refresh.review": "reject"},
    )
    assert finished.status == "completed", finished.error
    first, second = finished.outputs["pages"]
    assert "In short" in site.live(first.removeprefix(site.address))
    assert "In short" not in site.live(second.removeprefix(site.address))
    assert [receipt is None for receipt in finished.outputs["receipts"]] == [False, True]
