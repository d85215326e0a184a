"""Halves of surrogate pairs and NUL, which some databases and programs cannot take: U+FFFD on entry, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from flowbuilder.app import App
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import FlowbuilderError, NotFound, Refused
from flowbuilder.ports import Store
from flowbuilder.ports.store import ExecutionFilter, ReviewFilter
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, FakeConnections, FakeHttp, MemoryCms, fake_ports, run_locally
from flowbuilder.testing.run import Answer

ODD = "a\ud83d\0b\udc00"
SHOWN = "a\ufffd\ufffdb\ufffd"
PAGE = "https://site.example/p"
API = "https://api.example/"
SITE = {"site": "s", "base_url": "https://site.example", "cms": {"type": "memory"}, "reviewers": {"editors": "anyone"}}
STEPS: list[dict[str, Any]] = [
    {"id": "echo", "type": "code", "source": "x", "with": {"x": "{{ inputs.x }}"}},
    {"id": "made", "type": "code", "source": "'a' + '\\x00' + 'b'"},
    {"id": "fails", "type": "code", "source": "raise ValueError(x)", "with": {"x": "{{ inputs.x }}"},
     "on_error": "continue"},
    {"id": "get", "type": "api", "url": API},
    {"id": "each", "type": "iteration", "over": "[inputs.x]", "key": "item", "output": "{{ steps.inner.output }}",
     "steps": [{"id": "inner", "type": "code", "source": "x", "with": {"x": "{{ item }}"}}]},
    {"id": "review", "type": "human_review", "title": "{{ inputs.x }}", "base": "{{ inputs.x }}",
     "proposal": "{{ steps.echo.output }} new", "findings": [{"rule": "r", "message": "{{ inputs.x }}"}]},
    {"id": "publish", "type": "cms", "operation": "update", "url": PAGE, "body": "{{ steps.review.output.approved }}"},
]  # fmt: skip
DOCUMENT = {
    "schema": "flowbuilder/v1",
    "name": "w",
    "title": f"T {ODD}",
    "inputs": {"x": {"type": "string"}, "o": {"type": "object"}},
    "steps": STEPS,
    "outputs": {
        "approved": "{{ steps.review.output.approved }}", "comment": "{{ steps.review.output.comment }}",
        "o": "{{ inputs.o }}", "made": "{{ steps.made.output }}", "got": "{{ steps.get.output.body }}",
        "each": "{{ steps.each.output.outputs }}", "error": "{{ steps.fails.error.message }}",
    },
}  # fmt: skip


@pytest.mark.parametrize("edit", [None, f"edit {ODD}"], ids=["approved", "edited"])
def test_every_way_in_gives_the_replacement_character(store: Store, clock: FakeClock, edit: str | None) -> None:
    cms = MemoryCms({PAGE: "old"})
    ports = fake_ports(
        cms=cms, clock=clock, http=FakeHttp({API: {"k\0\ud800": "\U0001f600 \udc00"}}),
        connections=FakeConnections({}),
    )  # fmt: skip
    done = run_locally(
        DOCUMENT, {"x": ODD, "o": {ODD: [ODD]}}, store=store, site=SITE, ports=ports,
        decide=lambda _: Answer(verb="approve", comment=ODD, edited=edit),
    )  # fmt: skip
    assert done.status == "completed", done.error
    approved = f"{SHOWN} new" if edit is None else f"edit {SHOWN}"
    assert done.outputs == {
        "approved": approved, "comment": SHOWN, "o": {SHOWN: [SHOWN]}, "made": "a\ufffdb",
        "got": {"k\ufffd\ufffd": "\U0001f600 \ufffd"}, "each": [SHOWN], "error": f"ValueError: {SHOWN} (line 1)",
    }  # fmt: skip
    (review,) = done.reviews
    assert (review.request.title, review.request.base, review.request.findings[0]["message"]) == (SHOWN, SHOWN, SHOWN)
    assert store.latest_version("w").title == f"T {SHOWN}"


def test_an_execution_that_an_older_release_started_with_nul_is_not_damaged(store: Store, clock: FakeClock) -> None:
    runner = LocalRunner(store, fake_ports(clock=clock))
    app = App(store, runner, Settings(), plans=runner.plans)
    document = {**DOCUMENT, "steps": STEPS[:1], "outputs": {"x": "{{ steps.echo.output }}"}}
    version = app.push(document)
    execution = create_execution(
        store, clock, execution_id=str(uuid4()), version=version, inputs={"x": "a\0b", "o": {"\0": ["\0"]}}
    )
    asyncio.run(runner.run(execution.id))
    found = app.execution(execution.id)
    assert (found.status, found.outputs) == ("completed", {"x": "a\ufffdb"})


LOOKUPS: dict[str, Callable[[App, str], Any]] = {
    "execution": lambda app, text: app.execution(text),
    "events": lambda app, text: app.events(text),
    "executions": lambda app, text: app.executions(ExecutionFilter(workflow=text)),
    "version": lambda app, text: app.version(text),
    "archive": lambda app, text: app.archive(text),
    "site": lambda app, text: app.site(text),
    "start": lambda app, text: app.start(text, {}),
    "search": lambda app, text: app.reviews(ReviewFilter(text=text)),
    "cursor": lambda app, text: app.reviews(cursor=text),
    "review": lambda app, text: app.review(text),
    "claim": lambda app, text: app.claim(text, by=text),
    "effect": lambda app, text: app.store.effect(text),
    "memo": lambda app, text: app.store.step_memo(text, text),
    "draft": lambda app, text: app.store.draft(text, text),
    "presence": lambda app, text: app.store.presence(text),
}


@pytest.mark.parametrize("text", ["a\ud800", "a\0b", "\udcff"], ids=["half", "nul", "byte"])
@pytest.mark.parametrize("name", LOOKUPS)
def test_what_cannot_be_stored_is_not_found_or_refused(store: Store, name: str, text: str) -> None:
    app = App(store, LocalRunner(store, fake_ports()), Settings())
    try:
        found = LOOKUPS[name](app, text)
    except FlowbuilderError as problem:
        assert isinstance(problem, NotFound | Refused)  # noqa: PT017
    else:
        assert not getattr(found, "reviews", found)
