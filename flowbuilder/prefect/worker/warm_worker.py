"""The warm worker: a Prefect worker that runs many executions as coroutines of one process.

Definitions are data and authors' code runs in a sandbox, so nothing of one execution reaches another. What is called
for begins at once: by the loopback wake-up, or as the store tells those who listen, or at the latest when the store
and Prefect are next looked at.
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
from flowbuilder.prefect.api.availability import PrefectUnavailable, is_away, prefect_asked
from flowbuilder.prefect.api.http_settings import impatient
from flowbuilder.prefect.api.wakeup_channel import WakeUps
from flowbuilder.prefect.api.work_pool import DESCRIPTION, job_template
from flowbuilder.prefect.runs.process_liveness import expire_leases_of_dead_processes
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.fork_client import Apart
from flowbuilder.prefect.worker.reconciler import Sweeper
from flowbuilder.prefect.worker.store_listener import Listening
from flowbuilder.prefect.worker.ui_control_poller import note_wishes

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from prefect.client.schemas.objects import FlowRun

logger = logging.getLogger(__name__)

READY_SECONDS = 1.0
"""How often the store is asked what is ready: how soon is seen what neither a wake-up nor the store itself has told."""
WISH_SECONDS = 1.0
"""How often Prefect is asked whether a person pressed pause or cancel."""
SYNC_SECONDS = 10.0
"""How long Prefect may take to hear that a worker is there, before that goes on without."""
STORE_SECONDS = 15.0
"""How long a worker that starts waits for its database."""
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
"""How long nobody looks, at most, after the database or Prefect was away."""
GRACE_SECONDS = 25.0
"""How long running steps may take to finish when the worker is told to stop."""
THREADS = 48
"""Threads for the calls to the store."""


class WarmResult(BaseWorkerResult):
    """What Prefect learns of a run that the worker was given: its state is told on another way."""


class WarmWorker(BaseWorker[BaseJobConfiguration, BaseVariables, WarmResult], ABC):
    """Implements Prefect's worker; a subclass says where the store and the outside world come from."""

    type: str
    job_configuration = BaseJobConfiguration
    _description = DESCRIPTION
    _display_name = "flowbuilder"
    suspects_apart: bool = False
    """Whether an execution that may have killed workers runs where it can kill no other: in a process that finds the
    same store and the same outside world by its settings."""
    once: bool = False
    """End when what was there at the start has had its turn."""
    handed_over: Callable[[], None] = staticmethod(lambda: None)
    """Called when the worker has let go of everything: from here on it only says goodbye."""

    desk: Dispatcher
    sweeper: Sweeper

    @staticmethod
    @abstractmethod
    def open_worker_context() -> WorkerContext:
        """The store, the outside world and the settings of this process."""

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """No variable that counts: executions run in the environment of the worker."""
        return job_template()

    async def setup(self) -> None:
        """Open the store, then do as every worker does, then listen."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="store"))
        worker_context = await self._opened()
        # the worker finds this client, and so do task runs, which would each make one of their own; they take only one
        # that is open, for they look at its event loop
        client = await self._exit_stack.enter_async_context(get_client(httpx_settings=impatient(asynchronous=True)))
        self._exit_stack.enter_context(AsyncClientContext.model_construct(client=client))
        await super().setup()
        limit = self._limit or worker_context.settings.worker_limit
        self._apart = Apart(self._work_pool_name) if self.suspects_apart else None
        apart = None if self._apart is None else self._apart.run
        self.desk = Dispatcher(worker_context, self.client, pool=self._work_pool_name, limit=limit, apart=apart)
        self.sweeper = Sweeper(worker_context.store, self.client, self._offer)
        self._ears = WakeUps(worker_context.settings.home, self.desk.told)
        await self._ears.__aenter__()
        self._listening = Listening(worker_context.store, wanted=self.desk.wants, call=self.desk.call)
        self._listening.start()
        self._loops = [
            asyncio.create_task(self._repeat(self.sweeper.wake, READY_SECONDS), name="ready"),
            asyncio.create_task(self._repeat(self._look_for_wishes, WISH_SECONDS), name="wishes"),
            # beside the sweep, which waits for Prefect
            asyncio.create_task(
                self._repeat(self._look_after, worker_context.settings.sweep_seconds), name="look after"
            ),
            asyncio.create_task(self._repeat(self._sweep, worker_context.settings.sweep_seconds), name="sweep"),
        ]

    async def _opened(self) -> WorkerContext:
        """The station; a database that is away is waited for a little, for it may just be starting as well."""
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
        """Finish the steps that run, hand over the rest, and stop."""
        await self._ears.__aexit__()
        await self._listening.stop()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self.once:
            await self.desk.idle()
        if self._apart is not None:
            self._apart.stop()
        await self.desk.leave(GRACE_SECONDS)
        self.handed_over()
        await super().teardown(*exc_info)

    def hurry(self) -> None:
        """Do not wait for the steps that run: another worker does them again when the leases have run out."""
        self.desk.drop()

    async def sync_with_backend(self) -> None:
        """Prefect's heartbeat. Its worker gives up after a while without a server; this one has a record of its own to
        go by."""
        try:
            async with prefect_asked(seconds=SYNC_SECONDS):
                await super().sync_with_backend()
        except PrefectUnavailable as problem:
            logger.warning("Prefect does not hear this worker: %s", problem)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Prefect's own poll: runs that its UI or a schedule has made."""
        try:
            responses = await self._get_scheduled_flow_runs()
        except httpx.HTTPError as problem:
            if not is_away(problem):
                raise
            logger.warning("Prefect says no runs: %s: %s", type(problem).__name__, problem)
            return []
        self._last_polled_time = datetime.now(UTC)
        runs = [response.flow_run for response in responses]
        for run in runs:
            self.desk.offer(str(run.id), run)
        return runs

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> WarmResult:
        """Take up one run, and return when its turn is over."""
        if task_status is not None:
            task_status.started(0)
        self.desk.call(str(flow_run.id), flow_run)
        seat = self.desk.seats.get(str(flow_run.id))
        if seat is not None and seat.task is not None:
            await asyncio.wait([seat.task])
        return WarmResult(status_code=0, identifier=str(flow_run.id))

    async def _offer(self, execution: Execution) -> bool:
        self.desk.offer(execution.id)
        return True

    async def _look_after(self) -> None:
        """What is due by our own record alone: it waits for no answer of Prefect's."""
        for execution_id in await asyncio.to_thread(expire_leases_of_dead_processes, self.desk.worker_context.store):
            self.desk.offer(execution_id)
        await self.sweeper.expire()

    async def _sweep(self) -> None:
        await self.sweeper.sweep(worked_on=self.desk.seats.keys())

    async def _look_for_wishes(self) -> None:
        attempts = [seat.active for seat in list(self.desk.seats.values()) if seat.active is not None]
        for execution_id in await note_wishes(self.client, self.desk.worker_context.store, attempts):
            seat = self.desk.seats.get(execution_id)
            if seat is not None:
                seat.control.wake()

    async def _repeat(self, job: Callable[[], Awaitable[Any]], seconds: float) -> None:
        """Do a job for ever. One that fails (the server or the database is away) is done again, a little less often."""
        pause = seconds
        while True:
            try:
                await job()
                pause = seconds
            except Exception as problem:
                pause = min(max(pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE)
                logger.warning("%s: %s; again in %.0f s", type(problem).__name__, problem, pause)
            await asyncio.sleep(pause)
