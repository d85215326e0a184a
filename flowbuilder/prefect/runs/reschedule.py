"""Has Prefect give a run to a worker of its pool, whatever became of the run there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import AwaitingRetry

from flowbuilder.model.execution import Execution

CRASH_SECONDS = 30.0
"""How long a run must have been crashed: a worker reports a crash twice, and the second report comes some 15 s after
the first and overwrites whatever was set meanwhile."""
LOST_SECONDS = 30.0
"""How long the lease of a run that Prefect believes to be running must have been over."""
SLOW_SECONDS = 180.0
"""How long a run may be pending: a process, a container or a pod may take a while to start."""

Roused = Literal["resumed", "rescheduled", "left"]


async def reschedule(client: PrefectClient, execution: Execution, run: FlowRun) -> Roused:
    """Wake a run whose execution is ready: `resumed` from its suspension, `rescheduled` after a crash or an end that
    our record knows nothing of, or `left` because Prefect is about to run it anyway."""
    state, now = run.state, datetime.now(UTC)
    if state is None or state.is_scheduled() or state.is_cancelling():
        return "left"
    age = timedelta() if state.timestamp is None else now - state.timestamp
    if state.is_paused():
        result = await client.resume_flow_run(run.id)
        return "resumed" if result.status == SetStateStatus.ACCEPT else "left"
    if age < timedelta(seconds=_patience(state)):
        return "left"
    if execution.holder and execution.lease_until and now - execution.lease_until < timedelta(seconds=LOST_SECONDS):
        return "left"
    await client.set_flow_run_state(run.id, AwaitingRetry(message="taken up again"), force=True)
    return "rescheduled"


def _patience(state: State[Any]) -> float:
    """Seconds for which a state is believed."""
    if state.is_pending():
        return SLOW_SECONDS
    return LOST_SECONDS if state.is_running() else CRASH_SECONDS
