"""T8: a whole installation in one thread and without time: three workers, two sweepers, Prefect, targets, people.

A seed decides everything. While it lasts, whatever the mix of faults says goes wrong; then nothing does any more, and
three sweeps later every execution must have ended or wait for someone.
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
from tests.reliability.simulation.action_mixes import Mix
from tests.reliability.simulation.injected_faults import troubles
from tests.reliability.simulation.nodes import NODE, Gate, Node, NodeClock, adopting
from tests.reliability.simulation.outside import MOST_SLOW, Outside, OutsideSite
from tests.reliability.simulation.prefect_api import PrefectSays
from tests.reliability.simulation.reviewers import SimulatedReviewers
from tests.reliability.simulation.store_factory import StoreFactory
from tests.reliability.simulation.timers import RETRY_AFTER, RUN, Timers
from tests.reliability.simulation.verdict import verdict
from tests.reliability.simulation.virtual_time import VirtualClock, VirtualLoop, run_virtually
from tests.reliability.simulation.workflows import WORKFLOWS
from tests.support.deterministic_scheduling import deterministic_scheduling
from tests.support.effect_targets import Site, Targets

TTL = timedelta(seconds=15)
SAFETY = 2400.0
"""Seconds during which things go wrong."""
PATIENCE = 4 * 3600.0
"""Seconds after which everything must have ended once nothing goes wrong any more and people answer."""
PLACES = 4


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    mix: Mix
    findings: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    trace: str = ""

    def __str__(self) -> str:
        said = "\n".join(f"  {finding}" for finding in self.findings)
        return f"seed {self.seed} ({self.mix}):\n{said}"


class SimulatedInstallation:
    """One simulation."""

    def __init__(
        self, seed: int, store_factory: StoreFactory, loop: VirtualLoop, *, sqlite: bool, mix: Mix | None
    ) -> None:
        self.dice = random.Random(seed)
        self.mix = mix or Mix.drawn(self.dice)
        self.result = Result(seed, self.mix)
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.store: Any = (store_factory.sqlite if sqlite else store_factory.memory)(self.clock)
        self.store.installation = self
        self.away_until = 0.0
        self.gate = Gate(self.dice)
        self.sweep_seconds = self.dice.choice((5.0, 10.0, 20.0))
        count = self.dice.randint(3, 6)
        self.runs = {f"run-{n}": self.dice.choice(WORKFLOWS)["name"] for n in range(count)}
        pages = {f"https://site.example/{run}": "old text" for run in self.runs}
        self.outside = Outside(self, Targets(site=Site(pages)))
        self.prefect = PrefectSays(self)
        self.app = App(self.store, self, Settings())
        self.people = SimulatedReviewers(self)
        self.timers = Timers(self)
        off = self.mix.skew
        self.offs = [self.dice.uniform(-off, off) if off else 0.0 for _ in range(5)]
        self.workers = [self.born(f"worker-{n}", self.offs[n]) for n in range(3)]
        self.sweepers = [self.born(f"sweeper-{n}", self.offs[3 + n]) for n in range(2)]
        self.reported: set[str] = set()
        self._trace = hashlib.sha256()
        self._life = 0
        self._next = ""

    # --- what is noted ---

    def notes(self, what: str, about: str) -> None:
        node = NODE.get()
        self._trace.update(f"{self.loop.seconds:.6f} {node.holder if node else '-'} {what} {about}\n".encode())

    def happens(self, site: str, about: str) -> None:
        self.result.happened[site] += 1
        self.notes(site, about)

    def finds(self, what: str) -> None:
        self.result.findings.append(f"{self.loop.seconds:.0f} s: {what}")

    # --- Prefect, as the application sees it ---

    def start(self, wanted: StartRequest) -> str:
        run = str(wanted.inputs["tag"])
        create_execution(
            self.store, self.clock, execution_id=run, version=self.store.version(wanted.workflow, wanted.version),
            inputs=wanted.inputs, site=wanted.site, plans=self.app.plans,
        )  # fmt: skip
        self.prefect.tell(run, "scheduled")
        self.prefect.wake(run)
        return run

    def wake(self, execution_id: str) -> None:
        self.prefect.wake(execution_id)

    def cancel(self, execution_id: str) -> None:
        self.prefect.wake(execution_id)

    # --- processes ---

    def born(self, name: str, off: float) -> Node:
        self._life = getattr(self, "_life", 0) + 1
        return Node(self.loop, name, self._life, NodeClock(self.loop, off=off))

    def again(self, nodes: list[Node], place: int) -> None:
        """A new process in the place of one that is gone."""
        old = nodes[place]
        nodes[place] = self.born(old.name, old.clock.off)
        if nodes is self.sweepers:
            nodes[place].spawn(self.sweep(nodes[place]))

    def some_worker(self) -> Node | None:
        able = [node for node in self.workers if not node.dead and not node.leaving]
        return self.dice.choice(able) if able else None

    def offer(self, worker: Node, run: str) -> None:
        """Somebody says to a worker that a run should go on."""
        if worker.dead or worker.leaving:
            return
        if run in worker.seats:
            worker.seats[run].wake()
        elif len(worker.seats) < PLACES:
            worker.seats[run] = DriveControl()
            worker.spawn(self.turn(worker, run, worker.seats[run]))

    async def turn(self, worker: Node, run: str, control: DriveControl) -> None:
        """What `runtime.desk` does: take an execution up, as far as it goes, and tell Prefect."""
        RUN.set(run)
        if worker.clock.off:
            self.happens("a worker's clock is wrong", run)
        ports = fake_ports(
            clock=worker.clock, http=self.outside, cms=OutsideSite(self.outside), models=self.outside  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            settled = await run_execution(
                self.store, run, holder=worker.holder, ttl=TTL, ports=ports,
                control=control, plans=self.app.plans,
            )  # fmt: skip
            self.prefect.tell(run, settled.status)
        except (Conflict, Refused, NotFound, Unavailable) as problem:
            self.notes("turn", f"{run} {type(problem).__name__}")
        except Exception as problem:
            self.finds(f"{run}: {type(problem).__name__}: {problem}")
        finally:
            worker.seats.pop(run, None)

    async def sweep(self, sweeper: Node) -> None:
        """What `runtime.sweeper` does: expire, take over cancellations, offer what is ready."""
        while True:
            await sweeper.clock.sleep(self.sweep_seconds)
            try:
                for review in await self.gate(self.store.expire_reviews):
                    self.happens("a review expires", f"{review.execution_id} {review.path}")
                for run in sorted(self.prefect.cancelled):
                    await self.gate(self.try_to, self.store.request_control, run, "cancel", "Prefect's UI")
                for execution in await self.gate(self.store.ready):
                    if (worker := self.some_worker()) is not None:
                        self.offer(worker, execution.id)
            except Unavailable:
                continue

    def try_to(self, act: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """What people and Prefect try may come too late."""
        try:
            return act(*given, **named)
        except (Refused, Conflict, NotFound):
            return None

    # --- the course of it ---

    async def run(self) -> Result:
        self.loop.set_task_factory(adopting)
        asyncio.to_thread = self.gate
        for sweeper in self.sweepers:
            sweeper.spawn(self.sweep(sweeper))
        trouble = [self.loop.create_task(work) for work in troubles(self)]
        trouble += [self.loop.create_task(self.people.start()), self.loop.create_task(self.people.work())]
        await asyncio.sleep(SAFETY)
        for task in trouble:
            task.cancel()
        await self.heal()
        self.result.findings += verdict(self)
        self.result.findings += [str(finding) for finding in audit(self.store)]
        self.result.statuses = Counter(self.end_of(run) for run in self.runs)
        self.result.seconds = self.loop.seconds
        self.result.trace = self._trace.hexdigest()
        return self.result

    async def heal(self) -> None:
        """Nothing goes wrong any more; nobody answers yet. Then people do."""
        self.mix = Mix.none()
        self.away_until = self.outside.storm_until = 0.0
        for nodes in (self.workers, self.sweepers):
            for place, node in enumerate(nodes):
                node.go_on()
                if node.dead or node.leaving:
                    node.kill()
                    self.again(nodes, place)
        await self.people.start_the_rest()
        await asyncio.sleep(MOST_SLOW + RETRY_AFTER + TTL.total_seconds() + 3 * self.sweep_seconds)
        for run in self.runs:
            if (stuck := self.stands_still(self.store.execution(run))) is not None:
                self.finds(f"{run} {stuck} three sweeps after everything was well again")
        self.people.lazy = False
        people = self.loop.create_task(self.people.work())
        until = self.loop.seconds + PATIENCE
        while self.loop.seconds < until and not all(self.ended(run) for run in self.runs):
            await asyncio.sleep(30)
        people.cancel()
        for run in self.runs:
            if not self.ended(run):
                self.finds(f"{run} is {self.store.execution(run).status} and never ends")

    def end_of(self, run: str) -> str:
        """Its status; one that a person ended, who found that what was in doubt had been done, was given up."""
        execution = self.store.execution(run)
        given_up = (execution.error or {}).get("code") == "effect_unknown"
        return "given up" if given_up else str(execution.status)

    def ended(self, run: str) -> bool:
        return self.store.execution(run).status in TERMINAL

    def stands_still(self, execution: Execution) -> str | None:
        """Why an execution should not stand where it stands; None where it may."""
        if execution.status in TERMINAL or execution.status == "paused":
            return None
        if execution.status == "waiting":
            overdue = execution.ready_at is not None and execution.ready_at <= self.clock.now() - timedelta(
                seconds=3 * self.sweep_seconds
            )
            return "should have been woken" if overdue else None
        if execution.lease_until is not None and execution.lease_until > self.clock.now() + TTL:
            return None  # its worker died and the clock was set back since: that costs the time it was set back
        return f"is {execution.status}"


def simulate(seed: int, store_factory: StoreFactory, *, sqlite: bool = False, mix: Mix | None = None) -> Result:
    """Everything that the seed decides, from the beginning to the end; with this mix instead of the seed's own."""
    random.seed(seed)

    elapsing = flowbuilder.engine.effects.effect_ledger._elapsed_seconds

    async def main(loop: VirtualLoop) -> Result:
        flowbuilder.engine.effects.effect_ledger._elapsed_seconds = lambda: loop.seconds
        return await SimulatedInstallation(seed, store_factory, loop, sqlite=sqlite, mix=mix).run()

    try:
        with deterministic_scheduling():
            return run_virtually(main)
    finally:
        flowbuilder.engine.effects.effect_ledger._elapsed_seconds = elapsing
