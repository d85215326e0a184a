"""Faults by users: resume without a decision, cancel, pause."""

from __future__ import annotations

import random
import time
from typing import Any
from uuid import UUID

from chaos.installation import Installation
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import Status
from flowbuilder.ports import ExecutionFilter, ReviewFilter
from flowbuilder.prefect.api.sync_client import prefect_client

NOTICED_SECONDS = 4.0
"""Seconds within which a worker must notice an action in Prefect's UI."""


class ResumeWithoutDecision:
    """Resume in Prefect's UI while the review is open."""

    name = "Resume in Prefect's UI without a decision"
    every = 12.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when Prefect accepted it while the review was open. A worker may be killed before it
        notices."""
        page = installation.store.reviews(ReviewFilter(), limit=50)
        for review in sorted(page.reviews, key=lambda review: (review.workflow != "held", rng.random())):
            if installation.store.execution(review.execution_id).status != "waiting":
                continue
            with installation.prefect.lock, prefect_client() as client:
                run = client.read_flow_run(UUID(review.execution_id))
                if run.state is None or not run.state.is_paused():
                    continue
                at = time.time()
                result = client.resume_flow_run(run.id)
            accepted = result.status.value == "ACCEPT"
            still_open = installation.store.review(review.id).status == "open"
            noticed = accepted and _noticed(installation, review.execution_id)
            return accepted and still_open, {"execution": review.execution_id, "at": at, "noticed": noticed}
        return False, {}


def _noticed(installation: Installation, execution_id: str) -> bool:
    deadline = time.monotonic() + NOTICED_SECONDS
    while time.monotonic() < deadline:
        if any(event.type == "resumed_without_decision" for event in installation.store.events(execution_id)):
            return True
        time.sleep(0.25)
    return False


class CancelExecution:
    """Cancel an active execution: no step and no effect may start afterwards."""

    name = "execution cancelled"
    every = 15.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when the request was accepted."""
        execution_id = _any(installation, rng, "running", "waiting")
        if execution_id is None:
            return False, {}
        try:
            installation.app.cancel(execution_id, by="chaos")
        except FlowbuilderError:
            return False, {"execution": execution_id}
        return True, {"execution": execution_id, "at": time.time()}


class PauseExecution:
    """Pause an execution and resume it shortly after."""

    name = "execution paused and resumed"
    every = 10.0
    least = 3

    def inject(self, installation: Installation, rng: random.Random) -> tuple[bool, dict[str, Any]]:
        """Has an effect when the execution was paused in between."""
        execution_id = _any(installation, rng, "running", "waiting", "queued")
        if execution_id is None:
            return False, {}
        try:
            installation.app.pause(execution_id, by="chaos")
            time.sleep(rng.uniform(0.5, 3.0))
            paused = installation.store.execution(execution_id).status == "paused"
            installation.app.resume(execution_id, by="chaos")
        except FlowbuilderError:
            return False, {"execution": execution_id}  # it ended meanwhile, or the operator resumes it
        return paused, {"execution": execution_id}


def _any(installation: Installation, rng: random.Random, *statuses: Status) -> str | None:
    found = installation.store.executions(ExecutionFilter(statuses=frozenset(statuses)), limit=100)
    return rng.choice(found).id if found else None
