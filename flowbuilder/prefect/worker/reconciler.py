"""The reconciler: wakes ready executions, expires reviews, ends holds of decisions, and corrects Prefect by the store.

It acts on the store alone: executions that are ready, and leases that have expired. Prefect's state decides only how a
run is woken there. Any number of reconcilers may run at once: each action is a hint, a compare-and-set or idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry

from flowbuilder.engine.review_client import open_reviews
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import Execution
from flowbuilder.ports import Store
from flowbuilder.prefect.api.naming import tagged
from flowbuilder.prefect.runs.flow_run import set_state
from flowbuilder.prefect.runs.reschedule import SLOW_SECONDS
from flowbuilder.prefect.runs.state_mapping import state_of_execution
from flowbuilder.prefect.worker.ui_control_poller import apply_cancellations

logger = logging.getLogger(__name__)

BATCH_SIZE = 100
"""The number of executions that one pass wakes, of reviews that it expires and of runs that it compares."""
LOOK_BACK = timedelta(minutes=10)
"""The maximum age of a cancellation in Prefect that a periodic pass notices."""
REPORT_SECONDS = 30.0
"""Seconds during which Prefect's state may differ from the store: an update may be under way."""
UNFINISHED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


@dataclass(kw_only=True)
class ReconcileResult:
    """The result of one pass: the number of reviews that it expired, the ids of executions that it woke and cancelled,
    and of runs whose state in Prefect it corrected."""

    expired: int = 0
    woken: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)


class Reconciler:
    """`wake` is called with every execution that is ready, and returns whether a worker or Prefect accepted it."""

    report_seconds = REPORT_SECONDS

    def __init__(self, store: Store, client: PrefectClient, wake: Callable[[Execution], Awaitable[bool]]) -> None:
        self._store, self._client, self._wake = store, client, wake
        self._offset = 0

    async def wake_ready(self) -> list[str]:
        """Wake the executions that are ready; the ids of those that were accepted. Calls only the store."""
        ready = await asyncio.to_thread(self._store.ready, limit=BATCH_SIZE)
        return [execution.id for execution in ready if await self._wake(execution)]

    async def expire_reviews(self, *, complete: bool = False) -> int:
        """Expire one batch of overdue reviews, or all of them; their number. Calls only the store."""
        expired = 0
        while batch := await asyncio.to_thread(self._store.expire_reviews, limit=BATCH_SIZE):
            expired += len(batch)
            if len(batch) < BATCH_SIZE or not complete:
                break
        return expired

    async def release_decisions(self, *, complete: bool = False) -> int:
        """Make one batch of decisions final that can no longer be undone, or all of them; their number. Calls only the
        store."""
        released = 0
        while batch := await asyncio.to_thread(self._store.release_decisions, limit=BATCH_SIZE):
            released += len(batch)
            if len(batch) < BATCH_SIZE or not complete:
                break
        return released

    async def reconcile(self, *, running_here: Collection[str] = (), complete: bool = False) -> ReconcileResult:
        """One pass, which corrects no run that is `running_here`. A periodic one compares the next batch of runs, a
        `complete` one all of them."""
        await self.release_decisions(complete=complete)
        result = ReconcileResult(expired=await self.expire_reviews(complete=complete))
        since = None if complete else datetime.now(UTC) - LOOK_BACK
        result.cancelled = await apply_cancellations(self._client, self._store, since=since)
        result.woken = await self.wake_ready()
        while True:
            compared = await self._correct_batch(result, running_here)
            if not complete or compared < BATCH_SIZE:
                return result

    async def _correct_batch(self, result: ReconcileResult, running_here: Collection[str]) -> int:
        """Compare the next batch of runs that are unfinished in Prefect with the store; their number."""
        runs = await self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED))),
            sort=FlowRunSort.ID_DESC,
            limit=BATCH_SIZE,
            offset=self._offset,
        )
        for run in runs:
            if str(run.id) not in running_here and await self._correct(run):
                result.corrected.append(str(run.id))
        self._offset = self._offset + BATCH_SIZE if len(runs) == BATCH_SIZE else 0
        return len(runs)

    async def _correct(self, run: FlowRun) -> bool:
        """Set the run's state in Prefect to that of its execution; whether it differed."""
        state, now = run.state, datetime.now(UTC)
        if state is None or now - state.timestamp < timedelta(seconds=self.report_seconds):
            return False
        try:
            execution = await asyncio.to_thread(self._store.execution, str(run.id))
        except NotFound:
            return await self._restart(run, now)
        if execution.holder is not None:
            return False
        reviews = await asyncio.to_thread(open_reviews, self._store, execution.id)
        right = state_of_execution(execution, reviews if execution.status == "waiting" else ())
        if right is None or right.type == state.type or (state.is_scheduled() and not right.is_final()):
            return False
        await set_state(self._client, run_id=run.id, state=right)
        return True

    async def _restart(self, run: FlowRun, now: datetime) -> bool:
        """Reschedule a run of a workflow that has no execution because its worker was killed before it created one;
        whether it is such a run."""
        state = run.state
        if state is None or not (state.is_pending() or state.is_running()) or tagged(run.tags, "workflow") is None:
            return False
        if now - state.timestamp < timedelta(seconds=SLOW_SECONDS):
            return False
        await self._client.set_flow_run_state(run.id, AwaitingRetry(message="its worker was lost"), force=True)
        return True
