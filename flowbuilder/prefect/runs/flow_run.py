"""One turn of an execution: it goes on as far as it can without a person, and Prefect is shown how."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from prefect.client.orchestration import PrefectClient

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import Settled
from flowbuilder.engine.review_client import all_reviews
from flowbuilder.engine.runner import execute
from flowbuilder.errors import Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.model.review import Review
from flowbuilder.plan.nodes import LoopNode
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.prefect.runs.review_task import at_the_top, review_artifact, review_task_id, show_opened, tell_decided
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.step_task import PrefectPerform
from flowbuilder.prefect.runs.worker_context import WorkerContext

BY_PREFECT = "Prefect's UI"
"""Who asks for what people press there: Prefect does not say who it was."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn, inside of the flow run's context. `resumed` says that Prefect was told to resume the run: after a
    decision, or by someone who pressed the button."""

    worker_context: WorkerContext
    execution: Execution
    reporter: StateReporter
    resumed: bool = False
    signals: DriveControl = field(default_factory=DriveControl)

    async def take(self) -> Settled:
        """Go on, and say how it stands then. `Conflict` while another worker holds the execution, `LostLease` when one
        took it over meanwhile."""
        store, execution_id = self.worker_context.store, self.execution.id
        if self.resumed and self.execution.status == "paused":
            await asyncio.to_thread(store.request_control, execution_id, None, BY_PREFECT)
        perform = await asyncio.to_thread(self._prepare)
        try:
            settled = await execute(
                store,
                execution_id,
                holder=self.worker_context.holder,
                ttl=self.worker_context.lease,
                ports=self.worker_context.ports,
                perform=perform,
                plans=self.worker_context.plans,
                opened=partial(self._opened, perform),
                signals=self.signals,
            )
        except Refused:
            execution = await asyncio.to_thread(store.execution, execution_id)
            if execution.status not in TERMINAL and execution.status != "paused":
                raise
            settled = Settled(status=execution.status, outputs=execution.outputs, error=execution.error)
        finally:
            await perform.close()
        if self.resumed and settled.status == "waiting" and not settled.progressed:
            event = NewEvent(type="resumed_without_decision", data={"by": BY_PREFECT})
            await asyncio.to_thread(store.record_event, execution_id, event)
        return settled

    def _prepare(self) -> PrefectPerform:
        store, execution = self.worker_context.store, self.execution
        plan = self.worker_context.plans.plan_of(store.version(execution.workflow, execution.version))
        known = {
            outcome.path: UUID(outcome.task_run_id)
            for outcome in store.outcomes(execution.id)
            if outcome.task_run_id is not None
        }
        for review in reviews_at_the_top(store, execution.id):
            known[review.path] = review_task_id(execution.id, review.path)
        return PrefectPerform(
            self.worker_context.ports.clock,
            known=known,
            tolerant=frozenset(
                node.id for node in plan.block if isinstance(node, LoopNode) and node.on_item_error != "fail"
            ),
            pause=partial(_pause, store, execution.id),
        )

    async def _opened(self, perform: PrefectPerform, review: Review, upstream: tuple[str, ...]) -> None:
        if at_the_top(review.path):
            perform.started(review.path, review_task_id(review.execution_id, review.path))
            show_opened(review, perform.parents(upstream))
        artifact = review_artifact(review, review_url=self.worker_context.settings.review_url)
        self.reporter.tell(lambda client: client.create_artifact(artifact))


def _pause(store: Store, execution_id: str) -> None:
    store.request_control(execution_id, "pause", BY_PREFECT)


async def was_resumed(client: PrefectClient, execution: Execution) -> bool:
    """Whether a run that is entered again was resumed by somebody in Prefect: nothing of ours called for it."""
    if execution.status == "waiting":
        return execution.ready_at is None or execution.ready_at > datetime.now(UTC)
    if execution.status != "paused":
        return False
    states = await client.read_flow_run_states(UUID(execution.id))
    names = [state.name for state in sorted(states, key=lambda state: state.timestamp)]
    last = {name: place for place, name in enumerate(names)}
    return last.get("Resuming", -1) > last.get("Suspended", -1)


def tell_reviews(store: Store, execution_id: str, reporter: StateReporter) -> None:
    """Have Prefect show what was decided of an execution's reviews. To be called in the flow run's context."""
    context = copy_context()
    for review in reviews_at_the_top(store, execution_id):
        if review.decision is not None:
            reporter.tell(partial(tell_decided, review=review, context=context))


def reviews_at_the_top(store: Store, execution_id: str) -> list[Review]:
    """The reviews of an execution that are drawn in its run graph."""
    whole = all_reviews(store, ReviewFilter(execution_id=execution_id, status=None))
    return [review for review in whole if at_the_top(review.path)]
