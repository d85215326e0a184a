"""The demo's refresh: sample workflows stored and deployed, one execution started and brought to its review."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from flowbuilder.app import App
from flowbuilder.bootstrap import open_app
from flowbuilder.definition.site_folder import site_records
from flowbuilder.devstack.demo_data import SITE, WORKFLOW, workflow_files
from flowbuilder.devstack.up import DevStack, Tell
from flowbuilder.errors import NotFound, Unavailable
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.values import JsonObject

PATIENCE = 120.0
"""Seconds that the refresh may take to its review."""


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """The execution that was started, and the review that it waits for."""

    execution_id: str
    review_id: str
    review_url: str
    title: str
    page: str
    home: Path

    def record(self) -> JsonObject:
        """The JSON form."""
        return {"execution_id": self.execution_id, "review_id": self.review_id, "review_url": self.review_url}


def start_refresh(machine: DevStack, tell: Tell) -> DemoRun:
    """Store, publish and deploy the sample workflows, start the worker and a refresh, and wait for its review."""
    app = open_app(machine.settings)
    tell("storing the sample workflows and deploying them for the sample site")
    for file in workflow_files():
        version = app.push(file.read_text(encoding="utf-8"), author="demo")
        if version.status != "published":
            app.publish(version.workflow, version.number)
    _deploy(app, machine)
    machine.start_worker()
    tell("starting a refresh: search figures, page, draft")
    execution_id = app.start(WORKFLOW, {}, site=SITE)
    review = _wait_for_review(app, machine, execution_id)
    return DemoRun(
        execution_id=execution_id,
        review_id=review.id,
        review_url=f"{machine.settings.review_url}/review?item={review.id}",
        title=review.request.title,
        page=_page(app, execution_id) or machine.addresses.site,
        home=machine.settings.home,
    )


def _deploy(app: App, machine: DevStack) -> None:
    from flowbuilder.prefect.deployments.sync import deploy_sites

    records = site_records(machine.settings.sites)
    for record in records:
        app.store.save_site(str(record["site"]), record)
    deploy_sites(app.store, machine.settings, records)


def _wait_for_review(app: App, machine: DevStack, execution_id: str) -> Review:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        machine.supervisor.watch_once()
        open_ones = [review for review in app.reviews_of(execution_id) if review.status == "open"]
        if open_ones:
            return open_ones[0]
        try:
            execution = app.execution(execution_id)
        except NotFound:
            execution = None
        if execution is not None and execution.status in TERMINAL:
            said = (execution.error or {}).get("message", "no review was asked for")
            raise Unavailable(f"the demo's refresh is {execution.status}: {said}")
        time.sleep(0.3)
    raise Unavailable(
        f"the demo's refresh did not reach its review within {PATIENCE:.0f} s; "
        f"see the logs in {machine.settings.home / 'logs'}"
    )


def _page(app: App, execution_id: str) -> str:
    for outcome in app.outcomes(execution_id):
        if outcome.path == "page" and isinstance(outcome.output, dict):
            return str(outcome.output.get("url", ""))
    return ""
