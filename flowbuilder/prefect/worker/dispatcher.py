"""Where a warm worker takes executions up: each once at a time, many at once, up to a limit."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.history import last_holder
from flowbuilder.engine.runner import run_execution
from flowbuilder.errors import Conflict, FlowbuilderError, NotFound
from flowbuilder.model.lease_rules import MOST_DEATHS, is_held
from flowbuilder.prefect.api.availability import PrefectUnavailable, is_away, prefect_asked
from flowbuilder.prefect.api.deployment_limits import Limits
from flowbuilder.prefect.runs.flow_run import ActiveFlowRun, NotNow, run_in_warm_worker
from flowbuilder.prefect.runs.process_liveness import process_of
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.worker_context import WorkerContext, kind_of
from flowbuilder.prefect.worker.fork_client import AT_ONCE

logger = logging.getLogger(__name__)

REMEMBERED = 4096
"""How many flow runs are remembered, so that going on with one needs no call to Prefect first."""
SUSPECT_DEATHS = 2
"""After so many deaths of workers in a row an execution runs apart from others until it has recorded an outcome."""
PARTING_SECONDS = 3.0
"""How long a worker that stops waits until Prefect has heard everything."""
REST_SECONDS = 5.0
"""How long an execution that could not be taken up is left alone, unless somebody calls for it."""
SILENCE_SECONDS = 30.0
"""How long the same trouble of many executions is not said again."""

RunApart = Callable[[str], Awaitable[int | None]]
"""Runs an execution in another process. Returns once that is over: None, or the id of the process if it has died."""


@dataclass(kw_only=True)
class Seat:
    """One execution that is worked on. `again`: somebody called for it meanwhile."""

    control: DriveControl
    task: asyncio.Task[None] | None = None
    active: ActiveFlowRun | None = None
    again: bool = False


class Dispatcher:
    """Takes up executions of the work pool `pool`; runs of other pools are given back to Prefect for their workers."""

    def __init__(
        self,
        worker_context: WorkerContext,
        client: PrefectClient,
        *,
        pool: str,
        limit: int,
        apart: RunApart | None = None,
    ) -> None:
        """`apart` runs one execution in another process; without it, suspects run here as all others do."""
        self.worker_context, self.client, self.pool = worker_context, client, pool
        self._apart, self._alone = apart, asyncio.Semaphore(AT_ONCE)
        self.seats: dict[str, Seat] = {}
        self._places = asyncio.Semaphore(limit)
        self._runs: OrderedDict[str, FlowRun] = OrderedDict()
        self._tellings: dict[str, StateReporter] = {}
        self._limits = Limits(client)
        self._resting: dict[str, float] = {}
        self._complaints: dict[str, float] = {}
        self.leaving, self._away_until = False, 0.0
        self._context = contextvars.copy_context()  # of all executions, not that of the caller

    def call(self, execution_id: str, run: FlowRun | None = None) -> None:
        """Somebody says that this execution should go on: at once, if there is a place."""
        self._resting.pop(execution_id, None)
        self.offer(execution_id, run)

    def told(self, execution_id: str, run: str) -> None:
        """The same, by a wake-up, with what Prefect told of the run, or nothing."""
        try:
            known = FlowRun.model_validate_json(run) if run else None
        except ValueError:  # of another release: Prefect is asked again
            known = None
        self.call(execution_id, known if known is not None and str(known.id) == execution_id else None)

    def offer(self, execution_id: str, run: FlowRun | None = None) -> None:
        """This execution may go on, as far as the store or Prefect know."""
        if run is not None:
            self._remember(run)
        seat = self.seats.get(execution_id)
        if seat is not None:
            seat.again = True
            seat.control.wake()
            return
        if self.leaving or self._resting.get(execution_id, 0.0) > asyncio.get_running_loop().time():
            return
        seat = self.seats[execution_id] = Seat(control=DriveControl())
        seat.task = asyncio.create_task(
            self._work(execution_id, seat), name=f"execution {execution_id}", context=self._context.copy()
        )

    async def leave(self, grace: float) -> None:
        """Finish the steps that run, hand the executions back, and take up no more; within `grace` seconds."""
        self.leaving = True
        for seat in self.seats.values():
            seat.control.stop()
        await self.idle(grace)
        self.drop()
        await self.idle()
        closing = [asyncio.create_task(reporter.close()) for reporter in self._tellings.values()]
        if closing:  # what is not said by then, the sweeper of another worker says
            await asyncio.wait(closing, timeout=PARTING_SECONDS)
        for reporter in self._tellings.values():
            reporter.cancel()

    def drop(self) -> None:
        """Let go of everything at once: the leases run out by themselves."""
        for seat in self.seats.values():
            if seat.task is not None:
                seat.task.cancel()

    async def idle(self, patience: float | None = None) -> None:
        """Return when nothing is worked on."""
        tasks = [seat.task for seat in self.seats.values() if seat.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=patience)

    async def _work(self, execution_id: str, seat: Seat) -> None:
        try:
            async with self._places:
                if not self.leaving:
                    await self._turns(execution_id, seat)
        except (Conflict, NotNow, PrefectUnavailable) as problem:
            logger.info("execution %s is not taken up: %s", execution_id, problem)
            self._rest(execution_id)
        except FlowbuilderError as problem:  # such as a database that is away: it is taken up again
            self._complain(execution_id, problem)
            self._rest(execution_id)
        except Exception as problem:  # one execution's trouble is no other's; what was begun is in the store
            if is_away(problem):
                logger.warning("execution %s cannot go on without Prefect: %s", execution_id, problem)
            else:
                logger.exception("execution %s cannot go on here", execution_id)
            self._rest(execution_id)
        finally:
            del self.seats[execution_id]

    async def _turns(self, execution_id: str, seat: Seat) -> None:
        ready = True
        while ready and not self.leaving:
            seat.again = False
            await self._turn(execution_id, seat)
            ready = False
            while seat.again and not ready:
                seat.again = False
                ready = await asyncio.to_thread(self._is_ready, execution_id)

    async def _turn(self, execution_id: str, seat: Seat) -> None:
        try:
            run = await self._run(execution_id)
        except PrefectUnavailable:
            if not await asyncio.to_thread(self._is_ours, execution_id):
                raise
            run = None
        if self._apart is not None and await asyncio.to_thread(self._is_suspect, execution_id):
            async with self._alone:
                died = await self._apart(execution_id)
            if died is not None and await asyncio.to_thread(self._bury, execution_id, died):
                seat.again = True
        elif run is None:
            await self._without_prefect(execution_id, seat)
        elif run.work_pool_name not in (None, self.pool):
            execution = await asyncio.to_thread(self.worker_context.store.execution, execution_id)
            await reschedule(self.client, execution, run)
            self._rest(execution_id)
        else:
            seat.active = ActiveFlowRun(run=run)
            await run_in_warm_worker(
                self.worker_context,
                seat.active,
                self.client,
                reporter=self._telling(execution_id, run),
                limits=self._limits,
                control=seat.control,
            )

    def _telling(self, execution_id: str, run: FlowRun) -> StateReporter:
        """Where the words about a run queue up. The next turn does not wait for those of the last one to be said."""
        for name in [name for name, other in self._tellings.items() if other.silent and name not in self.seats]:
            self._tellings.pop(name).cancel()
        if execution_id not in self._tellings:
            self._tellings[execution_id] = StateReporter(self.client, about=run.name)
        return self._tellings[execution_id]

    async def _run(self, execution_id: str) -> FlowRun | None:
        """The flow run; None when Prefect has none of this id (any more)."""
        known = self._runs.get(execution_id)
        if known is not None:
            return known
        if asyncio.get_running_loop().time() < self._away_until:
            raise PrefectUnavailable("Prefect did not answer a moment ago")
        try:
            async with prefect_asked():
                run = await self.client.read_flow_run(UUID(execution_id))
        except (ObjectNotFound, ValueError):
            return None
        except PrefectUnavailable:
            self._away_until = asyncio.get_running_loop().time() + REST_SECONDS
            raise
        self._remember(run)
        return run

    async def _without_prefect(self, execution_id: str, seat: Seat) -> None:
        """Prefect is away or has lost the run, as after a restore from a backup: the execution goes on all the same."""
        with contextlib.suppress(NotFound):
            await run_execution(
                self.worker_context.store,
                execution_id,
                holder=self.worker_context.holder,
                ttl=self.worker_context.lease,
                ports=self.worker_context.ports,
                plans=self.worker_context.plans,
                control=seat.control,
            )

    def _is_suspect(self, execution_id: str) -> bool:
        """Whether two workers in a row have gone silent over an execution: the next one must not take others along.
        After a third it is set aside, which harms nobody."""
        try:
            execution = self.worker_context.store.execution(execution_id)
        except FlowbuilderError:
            return False
        silent = execution.holder is not None and not is_held(execution, self.worker_context.ports.clock.now())
        return SUSPECT_DEATHS <= execution.deaths + silent < MOST_DEATHS

    def _bury(self, execution_id: str, process: int) -> bool:
        """End the lease of a child that is known to have died, if it has it; whether it had."""
        try:
            holder = self.worker_context.store.execution(execution_id).holder
            if holder is None or process_of(holder) != process:
                return False
            self.worker_context.store.expire_lease(execution_id, holder)
        except FlowbuilderError:
            return False  # the lease runs out by itself
        return True

    def _is_ours(self, execution_id: str) -> bool:
        """Whether a worker like this one had the execution last. While Prefect is away nobody else can say of which
        pool it is, and a step of another pool's may need what is not installed here."""
        store = self.worker_context.store
        try:
            holder = store.execution(execution_id).holder or last_holder(store, execution_id)
        except FlowbuilderError:
            return False
        return holder is not None and kind_of(holder) == kind_of(self.worker_context.holder)

    def wants(self, execution_id: str) -> bool:
        """Whether a call for this execution would do something here. May be called from any thread."""
        return execution_id in self.seats or self._is_ready(execution_id)

    def _is_ready(self, execution_id: str) -> bool:
        try:
            execution = self.worker_context.store.execution(execution_id)
        except FlowbuilderError:
            return False
        now = self.worker_context.ports.clock.now()
        if execution.holder is not None:
            return not is_held(execution, now)
        return execution.ready_at is not None and execution.ready_at <= now

    def _complain(self, execution_id: str, problem: FlowbuilderError) -> None:
        """Say it once for all executions that meet the same trouble, such as a full disk, and again after a while."""
        now, said = asyncio.get_running_loop().time(), str(problem)
        self._complaints = {text: until for text, until in self._complaints.items() if until > now}
        level = logging.DEBUG if said in self._complaints else logging.WARNING
        logger.log(level, "execution %s cannot go on now: %s", execution_id, said)
        self._complaints.setdefault(said, now + SILENCE_SECONDS)

    def _remember(self, run: FlowRun) -> None:
        self._runs[str(run.id)] = run
        self._runs.move_to_end(str(run.id))
        while len(self._runs) > REMEMBERED:
            self._runs.popitem(last=False)

    def _rest(self, execution_id: str) -> None:
        now = asyncio.get_running_loop().time()
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        self._resting[execution_id] = now + REST_SECONDS
