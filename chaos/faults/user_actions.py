"""People ask for what they should not, or change their mind."""

from __future__ import annotations

import random
import time
from typing import Any
from uuid import UUID

from chaos.installation import World
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import Status
from flowbuilder.ports import ExecutionFilter, ReviewFilter
from flowbuilder.prefect.api.sync_client import prefect_client

NOTICED_SECONDS = 4.0
"""How long a worker may take to notice what somebody has pressed in Prefect's UI."""


class ResumeWithoutDecision:
    """Somebody presses Resume in Prefect's UI while the review is open."""

    name = "Resume in Prefect's UI without a decision"
    every = 12.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when Prefect accepted it while the review was open; a worker may notice, or be killed before."""
        page = world.store.reviews(ReviewFilter(), limit=50)
        for review in sorted(page.reviews, key=lambda review: (review.workflow != "held", chance.random())):
            if world.store.execution(review.execution_id).status != "waiting":
                continue
            with world.prefect.lock, prefect_client() as client:
                run = client.read_flow_run(UUID(review.execution_id))
                if run.state is None or not run.state.is_paused():
                    continue
                at = time.time()
                result = client.resume_flow_run(run.id)
            accepted = result.status.value == "ACCEPT"
            still_open = world.store.review(review.id).status == "open"
            noticed = accepted and _noticed(world, review.execution_id)
            return accepted and still_open, {"execution": review.execution_id, "at": at, "noticed": noticed}
        return False, {}


def _noticed(world: World, execution_id: str) -> bool:
    deadline = time.monotonic() + NOTICED_SECONDS
    while time.monotonic() < deadline:
        if any(event.type == "resumed_without_decision" for event in world.store.events(execution_id)):
            return True
        time.sleep(0.25)
    return False


class CancelExecution:
    """Cancelled in the middle of everything: no step and no effect starts afterwards."""

    name = "execution cancelled"
    every = 15.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when it was accepted."""
        execution_id = _any(world, chance, "running", "waiting")
        if execution_id is None:
            return False, {}
        try:
            world.app.cancel(execution_id, by="chaos")
        except FlowbuilderError:
            return False, {"execution": execution_id}
        return True, {"execution": execution_id, "at": time.time()}


class PauseExecution:
    """Paused, and resumed a little later."""

    name = "execution paused and resumed"
    every = 10.0
    least = 3

    def inject(self, world: World, chance: random.Random) -> tuple[bool, dict[str, Any]]:
        """Mattered when it was really paused meanwhile."""
        execution_id = _any(world, chance, "running", "waiting", "queued")
        if execution_id is None:
            return False, {}
        try:
            world.app.pause(execution_id, by="chaos")
            time.sleep(chance.uniform(0.5, 3.0))
            paused = world.store.execution(execution_id).status == "paused"
            world.app.resume(execution_id, by="chaos")
        except FlowbuilderError:
            return False, {"execution": execution_id}  # it has ended meanwhile; or the operator resumes it
        return paused, {"execution": execution_id}


def _any(world: World, chance: random.Random, *statuses: Status) -> str | None:
    found = world.store.executions(ExecutionFilter(statuses=frozenset(statuses)), limit=100)
    return chance.choice(found).id if found else None
