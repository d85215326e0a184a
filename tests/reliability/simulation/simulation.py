"""A whole installation in one thread and virtual time: three workers, two reconcilers, Prefect, targets, reviewers.

Its seed decides everything. For `FAULT_SECONDS` faults occur at the rates of the seed. Then they end, and three passes
of the reconciler later every execution must have ended or wait for a person.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import flowbuilder.engine.effects.effect_ledger
from flowbuilder.app import App
from flowbuilder.audit import audit
from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import Conflict, NotFound, Refused, Unavailable
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.ports import StartRequest
from flowbuilder.settings import Settings
from flowbuilder.testing import fake_ports
from tests.reliability.simulation.fault_injection import fault_tasks
from tests.reliability.simulation.fault_rates import FaultRates
from tests.reliability.simulation.network import MOST_SLOW, NetworkCms, SimulatedNetwork
from tests.reliability.simulation.processes import (
    PROCESS,
    ProcessClock,
    SimulatedProcess,
    SimulatedThreads,
    task_factory,
)
from tests.reliability.simulation.reviewers import SimulatedReviewers
from tests.reliability.simulation.simulated_prefect import SimulatedPrefect
from tests.reliability.simulation.store_factory import StoreFactory
from tests.reliability.simulation.timers import RETRY_AFTER, RUN, Timers
from tests.reliability.simulation.verdict import verdict
from tests.reliability.simulation.virtual_time import VirtualClock, VirtualLoop, run_virtually
from tests.reliability.simulation.workflows import WORKFLOWS
from tests.support.faults.deterministic_scheduling import deterministic_scheduling
from tests.support.faults.effect_targets import Site, Targets

TTL = timedelta(seconds=15)
FAULT_SECONDS = 2400.0
"""Seconds during which faults occur."""
RECOVERY_SECONDS = 4 * 3600.0
"""Within how many seconds all executions must end once faults have ended and reviewers answer."""
SLOTS = 4


@dataclass
class Result:
    """The result of one seed."""

    seed: int
    rates: FaultRates
    violations: list[str] = field(default_factory=list)
    fault_counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    trace: str = ""

    def __str__(self) -> str:
        violations = "\n".join(f"  {violation}" for violation in self.violations)
        return f"seed {self.seed} ({self.rates}):\n{violations}"


class SimulatedInstallation:
    """One simulation."""

    def __init__(
        self, seed: int, store_factory: StoreFactory, loop: VirtualLoop, *, sqlite: bool, rates: FaultRates | None
    ) -> None:
        self.rng = random.Random(seed)
        self.rates = rates or FaultRates.draw(self.rng)
        self.result = Result(seed, self.rates)
        self._incarnation = 0
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.store: Any = (store_factory.sqlite if sqlite else store_factory.memory)(self.clock)
        self.store.installation = self
        self.away_until = 0.0
        self.to_thread = SimulatedThreads(self.rng)
        self.reconcile_seconds = self.rng.choice((5.0, 10.0, 20.0))
        count = self.rng.randint(3, 6)
        self.runs = {f"run-{n}": self.rng.choice(WORKFLOWS)["name"] for n in range(count)}
        pages = {f"https://site.example/{run}": "old text" for run in self.runs}
        self.network = SimulatedNetwork(self, Targets(site=Site(pages)))
        self.prefect = SimulatedPrefect(self)
        self.app = App(self.store, self, Settings())
        self.reviewers = SimulatedReviewers(self)
        self.timers = Timers(self)
        off = self.rates.skew
        self.clock_offsets = [self.rng.uniform(-off, off) if off else 0.0 for _ in range(5)]
        self.workers = [self.new_process(f"worker-{n}", self.clock_offsets[n]) for n in range(3)]
        self.reconcilers = [self.new_process(f"reconciler-{n}", self.clock_offsets[3 + n]) for n in range(2)]
        self.reported: set[str] = set()
        self._trace = hashlib.sha256()

        self._next = ""

    # --- the trace ---

    def record(self, what: str, about: str) -> None:
        process = PROCESS.get()
        self._trace.update(f"{self.loop.seconds:.6f} {process.holder if process else '-'} {what} {about}\n".encode())

    def record_fault(self, kind: str, about: str) -> None:
        self.result.fault_counts[kind] += 1
        self.record(kind, about)

    def report_violation(self, what: str) -> None:
        self.result.violations.append(f"{self.loop.seconds:.0f} s: {what}")

    # --- Prefect, as the application sees it ---

    def start(self, wanted: StartRequest) -> str:
        run = str(wanted.inputs["tag"])
        create_execution(
            self.store, self.clock, execution_id=run, version=self.store.version(wanted.workflow, wanted.version),
            inputs=wanted.inputs, site=wanted.site, plans=self.app.plans,
        )  # fmt: skip
        self.prefect.report(run, "scheduled")
        self.prefect.wake(run)
        return run

    def wake(self, execution_id: str) -> None:
        self.prefect.wake(execution_id)

    def cancel(self, execution_id: str) -> None:
        self.prefect.wake(execution_id)

    # --- processes ---

    def new_process(self, name: str, off: float) -> SimulatedProcess:
        self._incarnation += 1
        return SimulatedProcess(self.loop, name, self._incarnation, ProcessClock(self.loop, off=off))

    def replace_process(self, processes: list[SimulatedProcess], index: int) -> None:
        """Replace a killed process by a new one."""
        old = processes[index]
        processes[index] = self.new_process(old.name, old.clock.off)
        if processes is self.reconcilers:
            processes[index].spawn(self.reconcile(processes[index]))

    def random_worker(self) -> SimulatedProcess | None:
        able = [process for process in self.workers if not process.dead and not process.terminating]
        return self.rng.choice(able) if able else None

    def offer(self, worker: SimulatedProcess, run: str) -> None:
        """Offer a run to a worker, which takes it if it has a free slot."""
        if worker.dead or worker.terminating:
            return
        if run in worker.slots:
            worker.slots[run].wake()
        elif len(worker.slots) < SLOTS:
            worker.slots[run] = DriveControl()
            worker.spawn(self.work_on(worker, run, worker.slots[run]))

    async def work_on(self, worker: SimulatedProcess, run: str, control: DriveControl) -> None:
        """The dispatcher's part: run an execution as far as possible, and report its status to Prefect."""
        RUN.set(run)
        if worker.clock.off:
            self.record_fault("a worker's clock is wrong", run)
        ports = fake_ports(
            clock=worker.clock, http=self.network, cms=NetworkCms(self.network), models=self.network  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            settled = await run_execution(
                self.store, run, holder=worker.holder, ttl=TTL, ports=ports,
                control=control, plans=self.app.plans,
            )  # fmt: skip
            self.prefect.report(run, settled.status)
        except (Conflict, Refused, NotFound, Unavailable) as problem:
            self.record("turn", f"{run} {type(problem).__name__}")
        except Exception as problem:
            self.report_violation(f"{run}: {type(problem).__name__}: {problem}")
        finally:
            worker.slots.pop(run, None)

    async def reconcile(self, reconciler: SimulatedProcess) -> None:
        """The reconciler's part: expire reviews, apply cancellations, offer executions that are ready."""
        while True:
            await reconciler.clock.sleep(self.reconcile_seconds)
            try:
                for review in await self.to_thread(self.store.expire_reviews):
                    self.record_fault("a review expires", f"{review.execution_id} {review.path}")
                for run in sorted(self.prefect.cancelled):
                    await self.to_thread(self.try_to, self.store.request_control, run, "cancel", "Prefect's UI")
                for execution in await self.to_thread(self.store.ready):
                    if (worker := self.random_worker()) is not None:
                        self.offer(worker, execution.id)
            except Unavailable:
                continue

    def try_to(self, act: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Call `act`; None if it is refused because it comes too late."""
        try:
            return act(*given, **named)
        except (Refused, Conflict, NotFound):
            return None

    # --- the run ---

    async def run(self) -> Result:
        self.loop.set_task_factory(task_factory)
        asyncio.to_thread = self.to_thread
        for reconciler in self.reconcilers:
            reconciler.spawn(self.reconcile(reconciler))
        tasks = [self.loop.create_task(work) for work in fault_tasks(self)]
        tasks += [self.loop.create_task(self.reviewers.start()), self.loop.create_task(self.reviewers.work())]
        await asyncio.sleep(FAULT_SECONDS)
        for task in tasks:
            task.cancel()
        await self.recover()
        self.result.violations += verdict(self)
        self.result.violations += [str(finding) for finding in audit(self.store)]
        self.result.statuses = Counter(self.final_status(run) for run in self.runs)
        self.result.seconds = self.loop.seconds
        self.result.trace = self._trace.hexdigest()
        return self.result

    async def recover(self) -> None:
        """End the faults, check that no execution is stalled, then let the reviewers decide everything."""
        self.rates = FaultRates.none()
        self.away_until = self.network.rate_limited_until = 0.0
        for processes in (self.workers, self.reconcilers):
            for index, process in enumerate(processes):
                process.resume()
                if process.dead or process.terminating:
                    process.kill()
                    self.replace_process(processes, index)
        await self.reviewers.start_the_rest()
        await asyncio.sleep(MOST_SLOW + RETRY_AFTER + TTL.total_seconds() + 3 * self.reconcile_seconds)
        for run in self.runs:
            if (stuck := self.reason_stalled(self.store.execution(run))) is not None:
                self.report_violation(f"{run} {stuck} three passes of the reconciler after the faults ended")
        self.reviewers.ignores_some = False
        reviewers = self.loop.create_task(self.reviewers.work())
        until = self.loop.seconds + RECOVERY_SECONDS
        while self.loop.seconds < until and not all(self.has_ended(run) for run in self.runs):
            await asyncio.sleep(30)
        reviewers.cancel()
        for run in self.runs:
            if not self.has_ended(run):
                self.report_violation(f"{run} is {self.store.execution(run).status} and never ends")

    def final_status(self, run: str) -> str:
        """Its status; "given up" where a reviewer found that the write in doubt had been applied."""
        execution = self.store.execution(run)
        given_up = (execution.error or {}).get("code") == "effect_unknown"
        return "given up" if given_up else str(execution.status)

    def has_ended(self, run: str) -> bool:
        return self.store.execution(run).status in TERMINAL

    def reason_stalled(self, execution: Execution) -> str | None:
        """The reason why an execution should have progressed; None where it may wait."""
        if execution.status in TERMINAL or execution.status == "paused":
            return None
        if execution.status == "waiting":
            overdue = execution.ready_at is not None and execution.ready_at <= self.clock.now() - timedelta(
                seconds=3 * self.reconcile_seconds
            )
            return "should have been woken" if overdue else None
        if execution.lease_until is not None and execution.lease_until > self.clock.now() + TTL:
            return None  # its worker was killed and the clock set back since: the lease lasts longer by that time
        return f"is {execution.status}"


def simulate(
    seed: int, store_factory: StoreFactory, *, sqlite: bool = False, rates: FaultRates | None = None
) -> Result:
    """Run the simulation of a seed; `rates` replaces the rates that the seed draws."""
    random.seed(seed)

    elapsing = flowbuilder.engine.effects.effect_ledger._elapsed_seconds

    async def main(loop: VirtualLoop) -> Result:
        flowbuilder.engine.effects.effect_ledger._elapsed_seconds = lambda: loop.seconds
        return await SimulatedInstallation(seed, store_factory, loop, sqlite=sqlite, rates=rates).run()

    try:
        with deterministic_scheduling():
            return run_virtually(main)
    finally:
        flowbuilder.engine.effects.effect_ledger._elapsed_seconds = elapsing
