"""The demo scenario: stores and deploys the sample workflows, starts an execution and waits for its review."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from flowbuilder.app import App
from flowbuilder.bootstrap import open_app
from flowbuilder.definition.site_folder import site_records
from flowbuilder.devstack.demo_data import SITE, WORKFLOW, workflow_files
from flowbuilder.devstack.up import DevStack, OnProgress
from flowbuilder.errors import NotFound, Unavailable
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.values import JsonObject

REVIEW_TIMEOUT = 120.0
"""Seconds to wait for the review."""


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """The started execution, the review that it waits for, and the page that it refreshes."""

    execution_id: str
    review_id: str
    review_url: str
    title: str
    page: str
    home: Path

    def record(self) -> JsonObject:
        """The JSON record."""
        return {"execution_id": self.execution_id, "review_id": self.review_id, "review_url": self.review_url}


def start_refresh(stack: DevStack, on_progress: OnProgress) -> DemoRun:
    """Store, publish and deploy the sample workflows, start the worker and an execution, and wait for its review.

    Raises `Unavailable` when no review opens within `REVIEW_TIMEOUT` seconds.
    """
    app = open_app(stack.settings)
    on_progress("Deploying the sample workflows")
    for file in workflow_files():
        version = app.push(file.read_text(encoding="utf-8"), author="demo")
        if version.status != "published":
            app.publish(version.workflow, version.number)
    _deploy(app, stack)
    stack.start_worker()
    on_progress("Running a refresh: reading search data, fetching the page, drafting a change")
    execution_id = app.start(WORKFLOW, {}, site=SITE)
    review = _wait_for_review(app, stack, execution_id)
    return DemoRun(
        execution_id=execution_id,
        review_id=review.id,
        review_url=f"{stack.settings.review_url}/review?item={review.id}",
        title=review.request.title,
        page=_page_url(app, execution_id) or stack.addresses.site,
        home=stack.settings.home,
    )


def _deploy(app: App, stack: DevStack) -> None:
    from flowbuilder.prefect.deployments.sync import deploy_sites

    records = site_records(stack.settings.sites)
    for record in records:
        app.store.save_site(str(record["site"]), record)
    deploy_sites(app.store, stack.settings, records)


def _wait_for_review(app: App, stack: DevStack, execution_id: str) -> Review:
    until = time.monotonic() + REVIEW_TIMEOUT
    while time.monotonic() < until:
        stack.supervisor.watch_once()
        open_reviews = [review for review in app.reviews_of(execution_id) if review.status == "open"]
        if open_reviews:
            return open_reviews[0]
        try:
            execution = app.execution(execution_id)
        except NotFound:
            execution = None
        if execution is not None and execution.status in TERMINAL:
            reason = (execution.error or {}).get("message", "it needed no review")
            raise Unavailable(f"the demo execution is {execution.status}: {reason}")
        time.sleep(0.3)
    raise Unavailable(
        f"the demo execution did not reach its review within {REVIEW_TIMEOUT:.0f} s; "
        f"see the logs in {stack.settings.home / 'logs'}"
    )


def _page_url(app: App, execution_id: str) -> str:
    for outcome in app.outcomes(execution_id):
        if outcome.path == "page" and isinstance(outcome.output, dict):
            return str(outcome.output.get("url", ""))
    return ""
