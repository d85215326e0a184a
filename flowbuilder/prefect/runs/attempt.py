"""A turn in a warm worker: our own record first, Prefect told beside it.

Prefect's engine would do it too (`flow`), but with a dozen calls before the first step, and a thread and a websocket
for each run. Here the steps begin as soon as the lease is taken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
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
from flowbuilder.engine.driver import Settled
from flowbuilder.errors import Conflict, DefinitionError, NotFound, Refused, Unavailable
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.prefect.api.availability import PrefectUnavailable, prefect_call
from flowbuilder.prefect.api.cached_reads import DeploymentLimits
from flowbuilder.prefect.api.naming import run_name
from flowbuilder.prefect.runs.create_from_flow_run import entered
from flowbuilder.prefect.runs.flow_run import Turn, tell_reviews, was_resumed
from flowbuilder.prefect.runs.state_mapping import failed, state_of
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.worker_context import WorkerContext

# results are kept in our own tables; without a storage Prefect would ask its server for one before every task
_NO_RESULTS = ResultStore().model_copy(
    update={"result_storage": NullFileSystem(), "metadata_storage": NullFileSystem(), "persist_result": False}
)
_ANIMAL = re.compile(r"[a-z]+-[a-z]+")
"""The names that Prefect gives to runs that nobody named."""


class NotNow(Exception):
    """Prefect does not let the run begin: a limit of its own is reached, or the run is cancelled."""


@dataclass(kw_only=True)
class Attempt:
    """One turn of a flow run's execution in this process. `running_since` is when Prefect knew that it runs;
    `overtaken` says that it does not run here after all."""

    worker_context: WorkerContext
    client: PrefectClient
    run: FlowRun
    reporter: StateReporter
    limits: DeploymentLimits
    signals: DriveControl = field(default_factory=DriveControl)
    running_since: datetime | None = None
    overtaken: bool = False

    async def make(self) -> Settled | None:
        """Go on; None when the run could not become an execution. `Conflict` and `LostLease` as `execute` raises them,
        `NotNow` when Prefect's limits are reached, `PrefectUnavailable` when a run cannot begin without its answer."""
        try:
            execution = await entered(self.worker_context, self.run, self.client, inputs=self.run.parameters)
            if execution.attempt == 0 and self.run.state is not None and self.run.state.is_scheduled():
                await self._ask_to_begin()
            return await self._go_on(execution)
        except (Conflict, Unavailable):
            self.overtaken = True
            raise
        except (DefinitionError, NotFound, Refused) as problem:
            self.reporter.tell(partial(set_state, run_id=self.run.id, state=failed(problem)))
            return None

    async def _ask_to_begin(self) -> None:
        """Have Prefect check the limits of the run's deployment, if it has any: it does so for runs that become
        pending."""
        async with prefect_call():
            if self.run.deployment_id is None or not await self.limits.has(self.run.deployment_id):
                return
            result: OrchestrationResult[Any] = await self.client.set_flow_run_state(
                self.run.id, Pending(message="a warm worker takes it")
            )
        if result.status != SetStateStatus.ACCEPT and not (result.state and result.state.is_pending()):
            raise NotNow(getattr(result.details, "reason", None) or "Prefect does not let it begin")

    async def _go_on(self, execution: Execution) -> Settled:
        try:
            async with prefect_call():
                resumed = await was_resumed(self.client, execution)
        except (PrefectUnavailable, ObjectNotFound):
            resumed = False  # nobody has pressed the button of a run that Prefect does not show
        if execution.status not in TERMINAL:
            self.reporter.tell(self._tell_running)
        if execution.attempt == 0 and _ANIMAL.fullmatch(self.run.name):
            name = run_name(execution.workflow, execution.inputs, execution.site)
            self.reporter.tell(lambda client: client.set_flow_run_name(self.run.id, name))
        turn = Turn(
            worker_context=self.worker_context,
            execution=execution,
            reporter=self.reporter,
            resumed=resumed,
            signals=self.signals,
        )
        with self._context(execution.workflow):
            if execution.attempt > 0:
                await asyncio.to_thread(tell_reviews, self.worker_context.store, execution.id, self.reporter)
            settled = await turn.take()
            state = state_of(settled)
            flow_run_logger(self.run).info("%s: %s", settled.status, state.message)
        self.reporter.tell(partial(set_state, run_id=self.run.id, state=state))
        return settled

    async def _tell_running(self, client: PrefectClient) -> None:
        if self.overtaken:
            return  # whoever has it tells it; said now, it might follow upon what that worker tells at the end
        running: State[Any] = Running()
        await set_state(client, run_id=self.run.id, state=running)
        self.running_since = running.timestamp

    @contextmanager
    def _context(self, workflow: str) -> Iterator[None]:
        """What Prefect's tasks look for around them."""
        with FlowRunContext(
            flow=_flow(workflow),
            flow_run=self.run,
            parameters=self.run.parameters,
            client=self.client,
            task_runner=ThreadPoolTaskRunner(max_workers=1),
            result_store=_NO_RESULTS,
            persist_result=False,
        ):
            yield


async def set_state(client: PrefectClient, *, run_id: UUID, state: State[Any]) -> None:
    """Have Prefect show a state. Our own record has decided it, so Prefect's rules do not count, but for one: a run
    that has ended in Prefect does not run."""
    result = await client.set_flow_run_state(run_id, state)
    if result.status == SetStateStatus.ACCEPT:
        return
    current = result.state or (await client.read_flow_run(run_id)).state
    if current is not None and (current.type == state.type or (state.is_running() and _over(current))):
        return
    await client.set_flow_run_state(run_id, state, force=True)


def _over(state: State[Any]) -> bool:
    return state.is_final() or state.is_cancelling()


@lru_cache(maxsize=256)
def _flow(workflow: str) -> Flow[..., Any]:
    """A flow of this name, for Prefect's context: its function is never called."""

    async def nothing() -> None:
        return None

    return Flow(nothing, name=workflow, validate_parameters=False, persist_result=False)
