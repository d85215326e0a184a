"""What people press in Prefect's UI becomes a wish in our own record: pause, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.execution import TERMINAL, Control
from flowbuilder.ports import Store
from flowbuilder.prefect.runs.flow_run import ActiveFlowRun
from flowbuilder.prefect.runs.step_executor import PREFECT_UI

PAGE = 200


async def note_wishes(client: PrefectClient, store: Store, attempts: Iterable[ActiveFlowRun]) -> list[str]:
    """Look at the runs that are worked on here; the ids of those whose wish was noted."""
    by_id = {attempt.run.id: attempt for attempt in attempts}
    if not by_id:
        return []
    noted = []
    where = FlowRunFilter(
        id=FlowRunFilterId(any_=list(by_id)),
        state=_in_state(StateType.PAUSED, StateType.CANCELLING, StateType.CANCELLED),
    )
    async for run in pages(client, where):
        action = _wish(run, by_id[run.id])
        if action is not None and await asyncio.to_thread(_request, store, run.id, action):
            noted.append(str(run.id))
    return noted


async def take_over_cancellations(client: PrefectClient, store: Store, *, since: datetime | None) -> list[str]:
    """End the executions of runs that were cancelled in Prefect since then (None: ever); the ids of those that did."""
    ended = FlowRunFilterEndTime(after_=since) if since else None
    cancelled = FlowRunFilter(state=_in_state(StateType.CANCELLED), end_time=ended)
    cancelling = FlowRunFilter(state=_in_state(StateType.CANCELLING))
    runs = [run for where in (cancelled, cancelling) async for run in pages(client, where)]
    return [str(run.id) for run in runs if await asyncio.to_thread(_request, store, run.id, "cancel")]


async def pages(client: PrefectClient, where: FlowRunFilter) -> AsyncIterator[FlowRun]:
    """All flow runs that match, newest first."""
    offset = 0
    while True:
        runs = await client.read_flow_runs(flow_run_filter=where, sort=FlowRunSort.ID_DESC, limit=PAGE, offset=offset)
        for run in runs:
            yield run
        offset += PAGE
        if len(runs) < PAGE:
            return


def _wish(run: FlowRun, attempt: ActiveFlowRun) -> Control | None:
    if run.state is None:
        return None
    if not run.state.is_paused():
        return "cancel"
    since = attempt.running_since
    # the suspension that this very turn ends is no wish
    return "pause" if since is not None and run.state.timestamp > since else None


def _request(store: Store, run_id: UUID, action: Control) -> bool:
    """Note the wish; whether it was news."""
    try:
        execution = store.execution(str(run_id))
        if execution.status in TERMINAL or execution.control in (action, "cancel"):
            return False
        store.request_control(str(run_id), action, PREFECT_UI)
    except (NotFound, Refused):
        return False
    return True


def _in_state(*kinds: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(kinds)))
