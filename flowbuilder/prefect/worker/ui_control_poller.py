"""Poller of Prefect's UI: a pause or cancellation there becomes a control request in the store."""

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

PAGE_SIZE = 200


async def record_ui_controls(client: PrefectClient, store: Store, active: Iterable[ActiveFlowRun]) -> list[str]:
    """Record a control request for each active flow run that was paused or cancelled in Prefect; the ids of the
    executions with a new request."""
    by_id = {each.run.id: each for each in active}
    if not by_id:
        return []
    recorded = []
    where = FlowRunFilter(
        id=FlowRunFilterId(any_=list(by_id)),
        state=_in_state(StateType.PAUSED, StateType.CANCELLING, StateType.CANCELLED),
    )
    async for run in _flow_runs(client, where):
        action = _requested_control(run, by_id[run.id])
        if action is not None and await asyncio.to_thread(_request, store, run.id, action):
            recorded.append(str(run.id))
    return recorded


async def apply_cancellations(client: PrefectClient, store: Store, *, since: datetime | None) -> list[str]:
    """Cancel the executions of runs that were cancelled in Prefect after `since` (None: at any time); the ids of those
    that were not cancelled yet."""
    ended = FlowRunFilterEndTime(after_=since) if since else None
    cancelled = FlowRunFilter(state=_in_state(StateType.CANCELLED), end_time=ended)
    cancelling = FlowRunFilter(state=_in_state(StateType.CANCELLING))
    runs = [run for where in (cancelled, cancelling) async for run in _flow_runs(client, where)]
    return [str(run.id) for run in runs if await asyncio.to_thread(_request, store, run.id, "cancel")]


async def _flow_runs(client: PrefectClient, where: FlowRunFilter) -> AsyncIterator[FlowRun]:
    """All flow runs that match, newest first."""
    offset = 0
    while True:
        runs = await client.read_flow_runs(
            flow_run_filter=where, sort=FlowRunSort.ID_DESC, limit=PAGE_SIZE, offset=offset
        )
        for run in runs:
            yield run
        offset += PAGE_SIZE
        if len(runs) < PAGE_SIZE:
            return


def _requested_control(run: FlowRun, active: ActiveFlowRun) -> Control | None:
    if run.state is None:
        return None
    if not run.state.is_paused():
        return "cancel"
    since = active.running_since
    # an older suspension is the one that this run has resumed from
    return "pause" if since is not None and run.state.timestamp > since else None


def _request(store: Store, run_id: UUID, action: Control) -> bool:
    """Record the request; returns whether it is new."""
    try:
        execution = store.execution(str(run_id))
        if execution.status in TERMINAL or execution.control in (action, "cancel"):
            return False
        store.request_control(str(run_id), action, PREFECT_UI)
    except (NotFound, Refused):
        return False
    return True


def _in_state(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
