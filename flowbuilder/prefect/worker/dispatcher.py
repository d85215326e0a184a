"""The warm worker's dispatcher: runs many executions at once, up to a limit, and never the same one twice at the same
time."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from dataclasses import dataclass

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.errors import Conflict, FlowbuilderError, NotFound
from flowbuilder.model.execution import Execution
from flowbuilder.model.lease_rules import is_held
from flowbuilder.prefect.api.availability import PrefectUnavailable, is_unavailable
from flowbuilder.prefect.api.cached_reads import DeploymentLimits, FlowRunCache
from flowbuilder.prefect.runs.flow_run import ActiveFlowRun, StartRejected, run_in_warm_worker
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.prefect.worker.cooldown import Cooldown, LogOnce
from flowbuilder.prefect.worker.crash_isolation import CrashIsolation, RunInChild
from flowbuilder.prefect.worker.without_prefect import run_without_prefect, was_held_by_same_kind

logger = logging.getLogger(__name__)

COOLDOWN_SECONDS = 5.0
"""Seconds during which an execution that could not run is not tried again, unless a wake-up asks for it."""
LOG_ONCE_SECONDS = 30.0
"""Seconds during which an error that several executions have in common is logged only once."""
REPORT_SECONDS = 3.0
"""Seconds that a worker that shuts down waits for its last state updates to reach Prefect."""


@dataclass(kw_only=True)
class Slot:
    """One execution that runs in this worker. `again`: a wake-up for it arrived meanwhile."""

    control: DriveControl
    task: asyncio.Task[None] | None = None
    active: ActiveFlowRun | None = None
    again: bool = False


class Dispatcher:
    """Runs executions of the work pool `pool`, `limit` at once; reschedules runs of other pools for their workers."""

    def __init__(
        self,
        worker_context: WorkerContext,
        client: PrefectClient,
        *,
        pool: str,
        limit: int,
        run_in_child: RunInChild | None = None,
    ) -> None:
        """`run_in_child` runs one execution in another process; without it, suspects run in this one."""
        self.worker_context, self.client, self.pool = worker_context, client, pool
        self.slots: dict[str, Slot] = {}
        self.shutting_down = False
        self._capacity = asyncio.Semaphore(limit)
        self._isolation = CrashIsolation(worker_context, run_in_child) if run_in_child is not None else None
        self._flow_runs, self._deployment_limits = FlowRunCache(client), DeploymentLimits(client)
        self._reporters: dict[str, StateReporter] = {}
        self._cooldown = Cooldown(COOLDOWN_SECONDS)
        self._errors = LogOnce(logger, LOG_ONCE_SECONDS)
        self._context = contextvars.copy_context()  # executions run in the worker's context, not in that of the caller

    def wake(self, execution_id: str, run: FlowRun | None = None, *, polled: bool = False) -> None:
        """Run an execution; at once if there is capacity. One that was only `polled`, because the store or Prefect
        reports it as ready, waits for the end of its cool-down; one that a person or a process asked for does not."""
        if not polled:
            self._cooldown.end(execution_id)
        if run is not None:
            self._flow_runs.add(run)
        slot = self.slots.get(execution_id)
        if slot is not None:
            slot.again = True
            slot.control.wake()
            return
        if self.shutting_down or self._cooldown.is_active(execution_id):
            return
        slot = self.slots[execution_id] = Slot(control=DriveControl())
        slot.task = asyncio.create_task(
            self._run_slot(execution_id, slot), name=f"execution {execution_id}", context=self._context.copy()
        )

    def is_interested(self, execution_id: str) -> bool:
        """Whether `wake` would have an effect for this execution. May be called from any thread."""
        return execution_id in self.slots or self._is_ready(execution_id)

    async def shut_down(self, grace: float) -> None:
        """Accept no more executions, let running steps finish within `grace` seconds, then release the executions."""
        self.shutting_down = True
        for slot in self.slots.values():
            slot.control.stop()
        await self.wait_idle(grace)
        self.cancel_all()
        await self.wait_idle()
        closing = [asyncio.create_task(reporter.close()) for reporter in self._reporters.values()]
        if closing:  # the reconciler of another worker repeats the updates that did not arrive by then
            await asyncio.wait(closing, timeout=REPORT_SECONDS)
        for reporter in self._reporters.values():
            reporter.cancel()

    def cancel_all(self) -> None:
        """Stop all executions without waiting for their steps; their leases expire."""
        for slot in self.slots.values():
            if slot.task is not None:
                slot.task.cancel()

    async def wait_idle(self, seconds: float | None = None) -> None:
        """Return when no execution runs any more, or after `seconds`."""
        tasks = [slot.task for slot in self.slots.values() if slot.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _run_slot(self, execution_id: str, slot: Slot) -> None:
        """Run an execution until it is not ready any more. An error starts its cool-down; its results so far are in the
        store."""
        try:
            async with self._capacity:
                ready = True
                while ready and not self.shutting_down:
                    slot.again = False
                    await self._run_once(execution_id, slot)
                    ready = False
                    while slot.again and not ready:
                        slot.again = False
                        ready = await asyncio.to_thread(self._is_ready, execution_id)
        except (Conflict, StartRejected, PrefectUnavailable) as problem:
            logger.info("execution %s does not run here now: %s", execution_id, problem)
            self._cooldown.start(execution_id)
        except FlowbuilderError as problem:  # such as an unavailable database
            self._errors.warning("execution %s cannot run now: %s", execution_id, problem)
            self._cooldown.start(execution_id)
        except Exception as problem:
            if is_unavailable(problem):
                logger.warning("execution %s cannot run without Prefect: %s", execution_id, problem)
            else:
                logger.exception("execution %s cannot run here", execution_id)
            self._cooldown.start(execution_id)
        finally:
            del self.slots[execution_id]

    async def _run_once(self, execution_id: str, slot: Slot) -> None:
        run = await self._flow_run(execution_id)
        execution: Execution | None = None
        with contextlib.suppress(NotFound):  # the first run of a flow run that Prefect has made creates it
            execution = await asyncio.to_thread(self.worker_context.store.execution, execution_id)
        if self._isolation is not None and execution is not None and self._isolation.is_suspect(execution):
            slot.again |= await self._isolation.run(execution_id)
        elif run is None:
            await run_without_prefect(self.worker_context, execution_id, slot.control)
        elif run.work_pool_name not in (None, self.pool):
            if execution is not None:
                await reschedule(self.client, execution, run)
            self._cooldown.start(execution_id)
        else:
            slot.active = ActiveFlowRun(run=run)
            await run_in_warm_worker(
                self.worker_context,
                slot.active,
                execution,
                self.client,
                reporter=self._reporter(run),
                limits=self._deployment_limits,
                control=slot.control,
            )

    async def _flow_run(self, execution_id: str) -> FlowRun | None:
        """The flow run; None when the execution is to run without one: Prefect does not have it, or is unavailable and
        an execution of this kind of worker need not wait for it."""
        try:
            return await self._flow_runs.get(execution_id)
        except PrefectUnavailable:
            if await asyncio.to_thread(was_held_by_same_kind, self.worker_context, execution_id):
                return None
            raise

    def _reporter(self, run: FlowRun) -> StateReporter:
        """The queue of updates about a run. A resumed execution does not wait for the updates of its previous run."""
        for name in [name for name, other in self._reporters.items() if other.idle and name not in self.slots]:
            self._reporters.pop(name).cancel()
        execution_id = str(run.id)
        if execution_id not in self._reporters:
            self._reporters[execution_id] = StateReporter(self.client, about=run.name)
        return self._reporters[execution_id]

    def _is_ready(self, execution_id: str) -> bool:
        try:
            execution = self.worker_context.store.execution(execution_id)
        except FlowbuilderError:
            return False
        now = self.worker_context.ports.clock.now()
        if execution.holder is not None:
            return not is_held(execution, now)
        return execution.ready_at is not None and execution.ready_at <= now
