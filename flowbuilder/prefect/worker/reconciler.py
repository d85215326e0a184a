"""The sweeper: wakes what should go on and that nobody works on, and has Prefect show what is so.

It acts on our own record alone: `store.ready()` and leases that ran out. What Prefect believes decides only how a run
is woken there. Any number of sweepers may run at once: what they do is a hint, a compare-and-set, or the same again.
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
from flowbuilder.prefect.worker.ui_control_poller import take_over_cancellations

logger = logging.getLogger(__name__)

MOST = 100
"""How many executions are woken, reviews expired and runs compared in one pass."""
LOOK_BACK = timedelta(minutes=10)
"""How old a cancellation in Prefect may be and still be seen by a pass that is one of many."""
QUIET_SECONDS = 30.0
"""How long Prefect may show something else than our record: words are under way."""
UNENDED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


@dataclass(kw_only=True)
class Swept:
    """What one pass did: how many reviews it expired, the ids of the executions that it woke and cancelled, and of the
    runs whose state in Prefect it corrected."""

    expired: int = 0
    woken: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)


class Sweeper:
    """Passes over the record. `offer` is given every execution that should go on, and says whether it was taken."""

    quiet = QUIET_SECONDS

    def __init__(self, store: Store, client: PrefectClient, offer: Callable[[Execution], Awaitable[bool]]) -> None:
        self._store, self._client, self._offer = store, client, offer
        self._offset = 0

    async def wake(self) -> list[str]:
        """Offer what is ready; the ids of what was taken."""
        ready = await asyncio.to_thread(lambda: self._store.ready(limit=MOST))
        return [execution.id for execution in ready if await self._offer(execution)]

    async def expire(self, *, whole: bool = False) -> int:
        """Expire the reviews whose time is over, or the first of them; how many there were. Asks nothing of Prefect."""
        expired = 0
        while batch := await asyncio.to_thread(lambda: self._store.expire_reviews(limit=MOST)):
            expired += len(batch)
            if len(batch) < MOST or not whole:
                break
        return expired

    async def sweep(self, *, worked_on: Collection[str] = (), whole: bool = False) -> Swept:
        """One pass, leaving alone what is `worked_on` here; a `whole` one looks at everything, not at the next part."""
        swept = Swept(expired=await self.expire(whole=whole))
        since = None if whole else datetime.now(UTC) - LOOK_BACK
        swept.cancelled = await take_over_cancellations(self._client, self._store, since=since)
        swept.woken = await self.wake()
        while True:
            seen = await self._correct_some(swept, worked_on)
            if not whole or seen < MOST:
                return swept

    async def _correct_some(self, swept: Swept, worked_on: Collection[str]) -> int:
        """Compare the next runs that Prefect believes to be under way with our record; how many there were."""
        runs = await self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNENDED))),
            sort=FlowRunSort.ID_DESC,
            limit=MOST,
            offset=self._offset,
        )
        for run in runs:
            if str(run.id) not in worked_on and await self._correct(run):
                swept.corrected.append(str(run.id))
        self._offset = self._offset + MOST if len(runs) == MOST else 0
        return len(runs)

    async def _correct(self, run: FlowRun) -> bool:
        state, now = run.state, datetime.now(UTC)
        if state is None or now - state.timestamp < timedelta(seconds=self.quiet):
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
        """A run of ours that never became an execution: its worker was killed between taking it and beginning."""
        state = run.state
        if state is None or not (state.is_pending() or state.is_running()) or tagged(run.tags, "workflow") is None:
            return False
        if now - state.timestamp < timedelta(seconds=SLOW_SECONDS):
            return False
        await self._client.set_flow_run_state(run.id, AwaitingRetry(message="its worker was lost"), force=True)
        return True
