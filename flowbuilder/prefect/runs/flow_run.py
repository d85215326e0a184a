"""Runs the execution of a flow run and reports to Prefect: inside Prefect's flow engine, or instead of it.

A warm worker does not use Prefect's flow engine, which makes a dozen calls before the first step and a thread and a
websocket for each run. It writes to the store first and reports to Prefect in the background, so that steps start as
soon as it has the lease.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import NullFileSystem
from prefect.logging.loggers import flow_run_logger
from prefect.results import ResultStore
from prefect.states import Pending, Running
from prefect.task_runners import ThreadPoolTaskRunner

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.runner import run_execution
from flowbuilder.errors import Conflict, DefinitionError, NotFound, Refused, Unavailable
from flowbuilder.model.event_data import ResumedWithoutDecision
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.prefect.api.availability import PrefectUnavailable, prefect_call
from flowbuilder.prefect.api.cached_reads import DeploymentLimits
from flowbuilder.prefect.api.naming import run_name
from flowbuilder.prefect.runs.create_from_flow_run import create_from_flow_run
from flowbuilder.prefect.runs.state_mapping import failed, state_of
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.step_executor import PREFECT_UI, PrefectStepExecutor
from flowbuilder.prefect.runs.worker_context import WorkerContext

# results are kept in our own tables; without a storage Prefect would ask its server for one before every task
_NO_RESULTS = ResultStore().model_copy(
    update={"result_storage": NullFileSystem(), "metadata_storage": NullFileSystem(), "persist_result": False}
)


class StartRejected(Exception):
    """Prefect does not let the run start: one of its concurrency limits is reached, or the run is cancelled."""


@dataclass(kw_only=True)
class ActiveFlowRun:
    """A flow run that a warm worker is running. `running_since` is the time of the Running state that Prefect has;
    `superseded`: another worker has the execution."""

    run: FlowRun
    running_since: datetime | None = None
    superseded: bool = False


async def run_flow_run(
    worker_context: WorkerContext,
    execution: Execution,
    *,
    reporter: StateReporter,
    resumed: bool,
    control: DriveControl | None = None,
) -> RunResult:
    """Run the execution of a flow run as far as it goes, inside the flow run's context.

    `resumed`: a person resumed the run in Prefect, so a pause ends. Raises as `run_execution` does, except for an
    execution that has ended or is paused: then it returns its status.
    """
    store = worker_context.store
    if resumed and execution.status == "paused":
        await asyncio.to_thread(store.request_control, execution.id, None, PREFECT_UI)
    try:
        result = await run_execution(
            store,
            execution.id,
            holder=worker_context.holder,
            ttl=worker_context.lease,
            ports=worker_context.ports,
            plans=worker_context.plans,
            executor=PrefectStepExecutor(worker_context, execution.id, reporter),
            control=control,
        )
    except Refused:
        execution = await asyncio.to_thread(store.execution, execution.id)
        if execution.status not in TERMINAL and execution.status != "paused":
            raise
        result = RunResult(status=execution.status, outputs=execution.outputs, error=execution.error)
    if resumed and result.status == "waiting" and not result.progressed:
        event = ResumedWithoutDecision(by=PREFECT_UI).at()
        await asyncio.to_thread(store.record_event, execution.id, event)
    return result


async def run_in_warm_worker(
    worker_context: WorkerContext,
    active: ActiveFlowRun,
    execution: Execution | None,
    client: PrefectClient,
    *,
    reporter: StateReporter,
    limits: DeploymentLimits,
    control: DriveControl,
) -> RunResult | None:
    """Run a flow run in this process, without Prefect's flow engine; its states are reported through the `reporter`.
    Its `execution` is created now unless it exists.

    Returns None when the run cannot become an execution. Raises `Conflict` and `LostLease` as `run_execution` does,
    `StartRejected` when Prefect does not let the run start, `PrefectUnavailable` when it cannot start without Prefect.
    """
    run = active.run
    try:
        execution = execution or await create_from_flow_run(worker_context, run, client, inputs=run.parameters)
        if execution.attempt == 0 and run.state is not None and run.state.is_scheduled():
            await _ensure_may_start(run, client, limits)
        resumed = await _was_resumed_if_known(client, execution)
        if execution.status not in TERMINAL:
            reporter.enqueue(partial(_report_running, active=active))
        if execution.attempt == 0 and has_generated_name(run):
            name = run_name(execution.workflow, execution.inputs, execution.site)
            reporter.enqueue(lambda client: client.set_flow_run_name(run.id, name))
        with _flow_run_context(run, client, execution.workflow):
            result = await run_flow_run(worker_context, execution, reporter=reporter, resumed=resumed, control=control)
            state = state_of(result)
            flow_run_logger(run).info("%s: %s", result.status, state.message)
    except (Conflict, Unavailable):
        active.superseded = True
        raise
    except (DefinitionError, NotFound, Refused) as problem:
        reporter.enqueue(partial(set_state, run_id=run.id, state=failed(problem)))
        return None
    reporter.enqueue(partial(set_state, run_id=run.id, state=state))
    return result


async def was_resumed(client: PrefectClient, execution: Execution) -> bool:
    """Whether a person resumed the run in Prefect: it was started again, and our tables have no reason for that."""
    if execution.status == "waiting":
        return execution.ready_at is None or execution.ready_at > datetime.now(UTC)
    if execution.status != "paused":
        return False
    states = await client.read_flow_run_states(UUID(execution.id))
    names = [state.name for state in sorted(states, key=lambda state: state.timestamp)]
    last = {name: place for place, name in enumerate(names)}
    return last.get("Resuming", -1) > last.get("Suspended", -1)


def has_generated_name(run: FlowRun) -> bool:
    """Whether Prefect's server generated the run's name: two lower-case words of `coolname`, such as `funny-otter`. The
    run has no field that says so."""
    return re.fullmatch(r"[a-z]+-[a-z]+", run.name) is not None


async def set_state(client: PrefectClient, *, run_id: UUID, state: State[Any]) -> None:
    """Set a flow run's state. The state follows from our tables, so Prefect's rules are overruled, except for one: a
    run that has ended in Prefect does not become Running."""
    result = await client.set_flow_run_state(run_id, state)
    if result.status == SetStateStatus.ACCEPT:
        return
    current = result.state or (await client.read_flow_run(run_id)).state
    if current is not None and (current.type == state.type or (state.is_running() and _has_ended(current))):
        return
    await client.set_flow_run_state(run_id, state, force=True)


def _has_ended(state: State[Any]) -> bool:
    return state.is_final() or state.is_cancelling()


async def _was_resumed_if_known(client: PrefectClient, execution: Execution) -> bool:
    try:
        async with prefect_call():
            return await was_resumed(client, execution)
    except (PrefectUnavailable, ObjectNotFound):
        return False  # the button of a run that Prefect does not show cannot be pressed


async def _ensure_may_start(run: FlowRun, client: PrefectClient, limits: DeploymentLimits) -> None:
    """Have Prefect check the concurrency limit of the run's deployment, which it does for runs that become Pending."""
    async with prefect_call():
        if run.deployment_id is None or not await limits.has(run.deployment_id):
            return
        result: OrchestrationResult[Any] = await client.set_flow_run_state(
            run.id, Pending(message="Taken by a warm worker")
        )
    if result.status != SetStateStatus.ACCEPT and not (result.state and result.state.is_pending()):
        raise StartRejected(getattr(result.details, "reason", None) or "Prefect does not let the run start")


async def _report_running(client: PrefectClient, *, active: ActiveFlowRun) -> None:
    if active.superseded:
        return  # the other worker reports it; reported here, it might follow upon that worker's final state
    running: State[Any] = Running()
    await set_state(client, run_id=active.run.id, state=running)
    active.running_since = running.timestamp


@contextmanager
def _flow_run_context(run: FlowRun, client: PrefectClient, workflow: str) -> Iterator[None]:
    """The context that Prefect's task engine needs."""
    with FlowRunContext(
        flow=_placeholder_flow(workflow),
        flow_run=run,
        parameters=run.parameters,
        client=client,
        task_runner=ThreadPoolTaskRunner(max_workers=1),
        result_store=_NO_RESULTS,
        persist_result=False,
    ):
        yield


@lru_cache(maxsize=256)
def _placeholder_flow(workflow: str) -> Flow[..., Any]:
    """A flow with the workflow's name, for Prefect's context; its function is never called."""

    async def nothing() -> None:
        return None

    return Flow(nothing, name=workflow, validate_parameters=False, persist_result=False)
