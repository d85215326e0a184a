"""Has Prefect hand a flow run to a worker of its work pool again, in any state but a scheduled one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import AwaitingRetry

from flowbuilder.model.execution import Execution

CRASH_SECONDS = 30.0
"""Seconds for which a run must have been Crashed: a worker reports a crash twice, and the second report comes about 15
s after the first and overwrites any state that was set in between."""
LOST_SECONDS = 30.0
"""Seconds since the lease of a run that Prefect shows as Running expired, at least."""
SLOW_SECONDS = 180.0
"""Seconds for which a run may be Pending: a process, a container or a pod takes time to start."""

Rescheduling = Literal["resumed", "rescheduled", "left"]


async def reschedule(client: PrefectClient, execution: Execution, run: FlowRun) -> Rescheduling:
    """Wake a run whose execution is ready. It is `resumed` when suspended, `rescheduled` after a crash or an end that
    our tables do not have, or `left` because Prefect is about to run it anyway."""
    state, now = run.state, datetime.now(UTC)
    if state is None or state.is_scheduled() or state.is_cancelling():
        return "left"
    age = timedelta() if state.timestamp is None else now - state.timestamp
    if state.is_paused():
        result = await client.resume_flow_run(run.id)
        return "resumed" if result.status == SetStateStatus.ACCEPT else "left"
    if age < timedelta(seconds=_min_age(state)):
        return "left"
    if execution.holder and execution.lease_until and now - execution.lease_until < timedelta(seconds=LOST_SECONDS):
        return "left"
    await client.set_flow_run_state(run.id, AwaitingRetry(message="Resumed by flowbuilder"), force=True)
    return "rescheduled"


def _min_age(state: State[Any]) -> float:
    """The seconds after which a state no longer means that Prefect will run it."""
    if state.is_pending():
        return SLOW_SECONDS
    return LOST_SECONDS if state.is_running() else CRASH_SECONDS
