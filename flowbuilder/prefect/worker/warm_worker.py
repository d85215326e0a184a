"""The warm worker: a Prefect worker that runs many executions as coroutines of one process.

Definitions are data and authors' code runs in a sandbox, so executions cannot affect each other. An execution that
becomes ready starts at once, by a wake-up or a notification of the store; at the latest at the next poll of the store
or of Prefect.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from prefect.client.orchestration import get_client
from prefect.context import AsyncClientContext
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flowbuilder.errors import Unavailable
from flowbuilder.model.execution import Execution
from flowbuilder.prefect.api.availability import PrefectUnavailable, http_settings, is_unavailable, prefect_call
from flowbuilder.prefect.api.wakeup_channel import WakeUpListener
from flowbuilder.prefect.deployments.deployment import POOL_DESCRIPTION, job_template
from flowbuilder.prefect.runs.process_liveness import expire_leases_of_dead_processes
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.fork_client import ForkServerClient
from flowbuilder.prefect.worker.reconciler import Reconciler
from flowbuilder.prefect.worker.store_listener import StoreListener
from flowbuilder.prefect.worker.ui_control_poller import record_ui_controls

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from prefect.client.schemas.objects import FlowRun

logger = logging.getLogger(__name__)

STORE_POLL_SECONDS = 1.0
"""Seconds between two polls of the store for ready executions whose wake-up or notification was lost."""
UI_POLL_SECONDS = 1.0
"""Seconds between two polls of Prefect for a pause or cancellation in its UI."""
HEARTBEAT_SECONDS = 10.0
"""Seconds that a heartbeat to Prefect may take before the worker continues without."""
STORE_SECONDS = 15.0
"""Seconds that a worker that starts waits for an unavailable database."""
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 5.0
"""Seconds between polls while the database or Prefect is unavailable."""
GRACE_SECONDS = 25.0
"""Seconds that running steps may take to finish when the worker is told to stop."""
STORE_THREADS = 48
"""Threads for calls to the store."""


class WarmResult(BaseWorkerResult):
    """The worker's answer to Prefect about a run. The run's state is reported separately."""


class WarmWorker(BaseWorker[BaseJobConfiguration, BaseVariables, WarmResult], ABC):
    """Implements Prefect's worker; a subclass opens the store and the ports."""

    type: str
    job_configuration = BaseJobConfiguration
    _description = POOL_DESCRIPTION
    _display_name = "flowbuilder"
    isolates_suspects: bool = False
    """Whether an execution that may have crashed workers runs in a child process, which opens the same store and ports
    by its settings."""
    once: bool = False
    """Whether to stop when the executions that were ready at the start have run."""
    on_released: Callable[[], None] = staticmethod(lambda: None)
    """Called when the worker has released its executions; afterwards it only reports its end to Prefect."""

    dispatcher: Dispatcher
    reconciler: Reconciler

    @staticmethod
    @abstractmethod
    def open_worker_context() -> WorkerContext:
        """The store, the ports and the settings of this process."""

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """A template without effect: executions run in the environment of the worker."""
        return job_template()

    async def setup(self) -> None:
        """Open the store, set up Prefect's worker, then start to listen and to poll."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store"))
        worker_context = await self._wait_for_worker_context()
        # Prefect's worker and task runs use the client of this context; without, each task run would make one. It must
        # be open: they check its event loop
        client = await self._exit_stack.enter_async_context(get_client(httpx_settings=http_settings(asynchronous=True)))
        self._exit_stack.enter_context(AsyncClientContext.model_construct(client=client))
        await super().setup()
        settings, store = worker_context.settings, worker_context.store
        self._forks = ForkServerClient(self._work_pool_name) if self.isolates_suspects else None
        self.dispatcher = Dispatcher(
            worker_context,
            self.client,
            pool=self._work_pool_name,
            limit=self._limit or settings.worker_limit,
            run_in_child=None if self._forks is None else self._forks.run,
        )
        self.reconciler = Reconciler(store, self.client, self._wake)
        self._wake_ups = WakeUpListener(settings.home, self.dispatcher.wake)
        await self._wake_ups.__aenter__()
        self._notifications = StoreListener(
            store, is_interested=self.dispatcher.is_interested, wake=self.dispatcher.wake
        )
        self._notifications.start()
        self._loops = [
            asyncio.create_task(self._repeat(self.reconciler.wake_ready, STORE_POLL_SECONDS), name="poll the store"),
            asyncio.create_task(self._repeat(self._poll_ui, UI_POLL_SECONDS), name="poll Prefect's UI"),
            # not part of a reconciler pass, which waits for Prefect
            asyncio.create_task(self._repeat(self._expire, settings.sweep_seconds), name="expire"),
            asyncio.create_task(self._repeat(self._reconcile, settings.sweep_seconds), name="reconcile"),
        ]

    async def _wait_for_worker_context(self) -> WorkerContext:
        """The opened worker context. An unavailable database may just be starting, so it is tried again for a while."""
        deadline = time.monotonic() + STORE_SECONDS
        while True:
            try:
                return await asyncio.to_thread(self.open_worker_context)
            except Unavailable as problem:
                if time.monotonic() > deadline:
                    raise
                logger.warning("%s; again in %.0f s", problem, SHORTEST_PAUSE)
                await asyncio.sleep(SHORTEST_PAUSE)

    async def teardown(self, *exc_info: Any) -> None:
        """Let running steps finish, release the executions, and stop."""
        await self._wake_ups.__aexit__()
        await self._notifications.stop()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self.once:
            await self.dispatcher.wait_idle()
        if self._forks is not None:
            self._forks.stop()
        await self.dispatcher.shut_down(GRACE_SECONDS)
        self.on_released()
        await super().teardown(*exc_info)

    def cancel_steps(self) -> None:
        """Do not wait for running steps: another worker runs them again when their leases have expired."""
        self.dispatcher.cancel_all()

    async def sync_with_backend(self) -> None:
        """Prefect's heartbeat. A worker of Prefect's stops when the server is away for long; this one works from its
        store and continues."""
        try:
            async with prefect_call(HEARTBEAT_SECONDS):
                await super().sync_with_backend()
        except PrefectUnavailable as problem:
            logger.warning("Prefect did not receive the heartbeat of this worker: %s", problem)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Prefect's own poll: runs that its UI or a schedule has created."""
        try:
            responses = await self._get_scheduled_flow_runs()
        except httpx.HTTPError as problem:
            if not is_unavailable(problem):
                raise
            logger.warning("Prefect could not be polled for runs: %s: %s", type(problem).__name__, problem)
            return []
        self._last_polled_time = datetime.now(UTC)
        runs = [response.flow_run for response in responses]
        for run in runs:
            self.dispatcher.wake(str(run.id), run, polled=True)
        return runs

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> WarmResult:
        """Run one flow run; returns when it ends, waits or pauses."""
        if task_status is not None:
            task_status.started(0)
        self.dispatcher.wake(str(flow_run.id), flow_run)
        slot = self.dispatcher.slots.get(str(flow_run.id))
        if slot is not None and slot.task is not None:
            await asyncio.wait([slot.task])
        return WarmResult(status_code=0, identifier=str(flow_run.id))

    async def _wake(self, execution: Execution) -> bool:
        self.dispatcher.wake(execution.id, polled=True)
        return True

    async def _expire(self) -> None:
        """Expire leases of dead processes and overdue reviews, and make held decisions final. Calls only the store."""
        store = self.dispatcher.worker_context.store
        for execution_id in await asyncio.to_thread(expire_leases_of_dead_processes, store):
            self.dispatcher.wake(execution_id, polled=True)
        await self.reconciler.release_decisions()
        await self.reconciler.expire_reviews()

    async def _reconcile(self) -> None:
        await self.reconciler.reconcile(running_here=self.dispatcher.slots.keys())

    async def _poll_ui(self) -> None:
        active = [slot.active for slot in list(self.dispatcher.slots.values()) if slot.active is not None]
        for execution_id in await record_ui_controls(self.client, self.dispatcher.worker_context.store, active):
            slot = self.dispatcher.slots.get(execution_id)
            if slot is not None:
                slot.control.wake()

    async def _repeat(self, job: Callable[[], Awaitable[Any]], seconds: float) -> None:
        """Do a job every `seconds`; after an error (the server or the database is unavailable) less often."""
        pause = seconds
        while True:
            try:
                await job()
                pause = seconds
            except Exception as problem:
                pause = min(max(pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE)
                logger.warning("%s: %s; again in %.0f s", type(problem).__name__, problem, pause)
            await asyncio.sleep(pause)
