"""Texts that become fields of pages: a review shows them as the CMS stores them, and an edit is stored or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.cms import FORMS
from flowbuilder.errors import Refused, StepError
from flowbuilder.ports import CmsField, CmsPage, Publishable
from flowbuilder.testing import Answer, MemoryCms, fake_ports, run_locally

URL = "https://tea.example/tea"
SITE: Any = {"site": "t.example", "cms": {"type": "wordpress", "connection": "wp"}}
OLD = "<!-- wp:html -->\n<iframe src='/x'></iframe>\n<!-- /wp:html -->"


class Cms(MemoryCms):
    """Stores texts as WordPress does, and keeps which were approved."""

    form = "wordpress"

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        return FORMS["wordpress"](field, base, proposal)


def workflow(review: dict[str, Any], *steps: dict[str, Any]) -> dict[str, Any]:
    source = {"id": "source", "type": "cms", "url": URL}
    asked = {"id": "review", "type": "human_review", "title": "Tea", "base": "{{ steps.source.output.body }}", **review}
    return {"schema": "flowbuilder/v1", "name": "tea", "title": "Tea", "steps": [source, asked, *steps]}


def run(document: dict[str, Any], answer: Any, called: tuple[Any, ...] = ()) -> tuple[Any, Cms]:
    cms = Cms()
    cms.put(URL, OLD, title="Tea")
    finished = run_locally(document, ports=fake_ports(cms=cms), site=SITE, decide={"review": answer}, called=called)
    return finished, cms


PUBLISH = {"id": "publish", "type": "cms", "operation": "update", "url": URL}
APPROVED = "{{ steps.review.output.approved"
BLOCK = "<!-- wp:paragraph -->\n<p>New <em>tea</em>.</p>\n<!-- /wp:paragraph -->"


def test_the_reviewer_sees_the_bytes_that_are_published_and_what_was_taken_out() -> None:
    review = {
        "base": "{{ steps.source.output.body }}",
        "proposal": "{{ steps.source.output.body }}\n\nNew *tea*.\n\n<p onclick='x()'>Hot</p>",
    }
    finished, cms = run(workflow(review, {**PUBLISH, "body": "{{ steps.review.output.approved }}"}), "approve")
    assert finished.status == "completed", finished.error
    (shown,) = finished.reviews
    assert shown.request.proposal.startswith(f"{OLD}\n\n<")
    assert "onclick" not in shown.request.proposal
    assert "onclick" in str(shown.request.findings)
    (write,) = cms.writes
    assert (write.body, write.approved) == (shown.request.proposal, frozenset({"body"}))


@pytest.mark.parametrize(
    "steps",
    [
        [{**PUBLISH, "title": f"{APPROVED}.title }}}}", "body": f"{APPROVED}.body }}}}"}],
        [
            {
                "id": "each", "type": "iteration", "over": "[steps.review.output.approved]", "as": "one",
                "steps": [{**PUBLISH, "title": "{{ one.title }}", "body": "{{ one.body }}"}],
            }
        ],
    ],
    ids=["fields", "items"],
)  # fmt: skip
def test_fields_of_an_approved_object(steps: list[dict[str, Any]]) -> None:
    review: dict[str, Any] = {"proposal": {"title": " T ", "body": "New *tea*."}}
    if steps[0]["id"] == "each":
        review = {"proposal": [review["proposal"]]}
        steps = [{**steps[0], "over": "steps.review.output.approved"}]
    finished, cms = run(workflow(review, *steps), "approve")
    assert finished.status == "completed", finished.error
    (write,) = cms.writes
    assert (write.title, write.body, write.approved) == ("T", BLOCK, frozenset({"title", "body"}))


def test_a_called_workflow_that_publishes() -> None:
    called = {
        "schema": "flowbuilder/v1", "name": "put", "title": "Put", "inputs": {"text": {"type": "string"}},
        "steps": [{**PUBLISH, "body": "{{ inputs.text }}"}],
    }  # fmt: skip
    call = {"id": "put", "type": "workflow", "name": "put", "with": {"text": "{{ steps.review.output.approved }}"}}
    finished, cms = run(workflow({"proposal": "New *tea*."}, call), "approve", called=(called,))
    assert finished.status == "completed", finished.error
    assert [write.body for write in cms.writes] == [BLOCK]


@pytest.mark.parametrize(("edit", "reason"), [("<p onclick='x()'>Hot</p>", "onclick"), ("# Hot", "Markdown")])
def test_an_edit_that_would_be_stored_otherwise_is_refused(edit: str, reason: str) -> None:
    document = workflow({"proposal": "New *tea*."}, {**PUBLISH, "body": "{{ steps.review.output.approved }}"})
    with pytest.raises(Refused, match=reason):
        run(document, Answer(verb="approve", edited=edit))
    finished, cms = run(document, Answer(verb="approve", edited="<p>Hot</p>"))
    assert finished.status == "completed", finished.error
    assert [write.body for write in cms.writes] == ["<p>Hot</p>"]


class Stuck(Cms):
    """A CMS whose page takes no write, or has a conflict."""

    def __init__(self, **more: Any) -> None:
        super().__init__()
        self._more = more

    async def read(self, url: str) -> CmsPage:
        return replace(await super().read(url), **self._more)


def run_stuck(form: str, **more: Any) -> Any:
    cms = Stuck(**more)
    cms.form = form
    cms.put(URL, OLD, title="Tea")
    document = workflow({"proposal": "<p>New</p>"}, {**PUBLISH, "body": f"{APPROVED} }}}}"})
    return run_locally(document, ports=fake_ports(cms=cms), site=SITE, decide={"review": "approve"})


@pytest.mark.parametrize("form", ["", "wordpress"])
def test_no_one_is_asked_about_a_page_that_takes_no_write(form: str) -> None:
    finished = run_stuck(form, refusal=StepError("save it in the new editor first", code="old_editor"))
    assert (finished.status, finished.reviews) == ("failed", ())
    assert finished.error["code"] == "old_editor"
    assert "new editor" in finished.error["message"]


@pytest.mark.parametrize("form", ["", "wordpress"])
def test_a_review_names_what_is_in_the_way_of_its_publication(form: str) -> None:
    finished = run_stuck(form, conflict="tea.md has changes that are not committed: commit or discard them first")
    (review,) = finished.reviews
    (finding,) = [one for one in review.request.findings if one["rule"] == "conflict"]
    assert (finding["severity"], finding["place"]) == ("warning", URL)
    assert "commit or discard" in finding["evidence"]
