"""One scenario on one store: lives of processes that begin, work and may crash, in a world that survives them."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from flowbuilder.app import App
from flowbuilder.audit import audit
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.events import Event
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.model.step_path import StepPath
from flowbuilder.ports import Ports, Sandbox, StartRequest, Store
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, fake_ports
from tests.support.crash_injection import Crash, CrashInjector, CrashProxy
from tests.support.crash_workflows import PAGE, SITE, Scenario
from tests.support.deterministic_scheduling import deterministic_scheduling, unhurried
from tests.support.effect_targets import CrashableSite, Service, Site, Targets

TTL = timedelta(seconds=15)
PASSES = 60
"""How often a life looks around before it is taken to be stuck."""
READS = frozenset(
    {
        "execution", "executions", "outcomes", "control", "ready", "events", "review", "reviews", "pending_counts",
        "decisions", "effect", "effects", "install_id", "version", "latest_version", "versions", "workflows", "site",
        "sites",
    }
)  # fmt: skip
"""Operations of a store that change nothing: to die right before or after one is to die after the write before it."""


def changes(operation: str) -> bool:
    """Whether an operation may change something that survives."""
    name = operation.partition(".")[2]
    return name not in READS and name != "read"


class Opener(Protocol):
    """Opens the store as a new process would."""

    def __call__(self) -> Store: ...


@dataclass(frozen=True)
class Ending:
    """What an execution came to: what must be the same whatever crashed on the way."""

    status: str
    outputs: Any
    outcomes: dict[str, Any]
    applied: tuple[str, ...]
    page: str


class Engine:
    """Prefect, as the application sees it: starting is idempotent by the execution's id, a wake-up is a hint."""

    def __init__(self, crash_run: CrashScenario, store: Store) -> None:
        self._stage, self._store = crash_run, store

    def start(self, wanted: StartRequest) -> str:
        create_execution(
            self._store,
            self._stage.clock,
            execution_id=self._stage.run,
            version=self._store.version(wanted.workflow, wanted.version),
            inputs=wanted.inputs,
            site=wanted.site,
        )
        return self._stage.run

    def wake(self, execution_id: str) -> None:
        self._stage.woken.append(execution_id)

    def cancel(self, execution_id: str) -> None:
        self._stage.woken.append(execution_id)


class CrashScenario:
    """The world of one scenario: a clock, targets, people, and a store that each life opens anew."""

    def __init__(
        self,
        scenario: Scenario,
        opener: Opener,
        clock: FakeClock,
        *,
        run: str = "run",
        sandbox: Sandbox | None = None,
    ) -> None:
        self.scenario, self.opener, self.clock, self.run, self.sandbox = scenario, opener, clock, run, sandbox
        self.targets = Targets(site=Site({PAGE: "old text"}), service=Service(failures=dict(scenario.failures)))
        self.woken: list[str] = []
        self.lives = 0
        self.answers_lost = 0
        self.looks = 0
        self.asked: set[int] = set()
        self._eyes: Store | None = None

    def live(self, injector: CrashInjector) -> None:
        """One process: start the execution unless it is there, then work and answer until nothing is left to do."""
        self.lives += 1
        self.look_away()
        opened = self.opener()
        try:
            with deterministic_scheduling(), unhurried():
                self._live(CrashProxy(opened, injector, "store"), injector)
        except Crash:
            self.answers_lost += (injector.operations[-1], injector.when) == ("store.save_step_memo", "before")
            raise
        finally:
            close = getattr(opened, "close", None)
            if close is not None:
                close()

    def _live(self, store: Any, injector: CrashInjector) -> None:
        app = App(store, CrashProxy(Engine(self, store), injector, "prefect"), Settings())  # type: ignore[arg-type]
        ports = self.ports(injector)
        self._prepare(app, store)
        idle = 0
        for _ in range(PASSES):
            busy = self._work(app, ports) or self._answer(app, store)
            if store.execution(self.run).status in TERMINAL:
                return
            idle = 0 if busy else idle + 1
            if idle:
                self.clock.advance(1800)  # nothing to do now: a timer or a deadline is next
            if idle > 5:
                return

    def _prepare(self, app: App, store: Any) -> None:
        try:
            version = store.latest_version(self.scenario.name)
        except NotFound:
            store.save_site(SITE["site"], SITE)
            for document in self.scenario.called:
                app.publish(app.push(document).workflow)
            version = app.push(self.scenario.document())
        self._start(
            app,
            workflow=version.workflow,
            inputs=dict(self.scenario.inputs),
            site=str(SITE["site"]),
            version=version.number,
        )

    def _start(self, app: App, **named: Any) -> None:
        app.start(**named)

    def ports(self, injector: CrashInjector) -> Ports:
        """The world outside, each part of it in the box."""
        return fake_ports(
            clock=self.clock,
            http=CrashProxy(self.targets.service, injector, "service"),  # type: ignore[arg-type]
            cms=CrashableSite(self.targets.site, injector),  # type: ignore[arg-type]
            models=CrashProxy(self.targets.model, injector, "model"),
            sandbox=self.sandbox,
        )

    def _work(self, app: App, ports: Any) -> bool:
        store = app.store
        busy = bool(store.expire_reviews())
        for execution in store.ready():
            busy = True
            with contextlib.suppress(Conflict, Refused):
                asyncio.run(
                    run_execution(
                        store,
                        execution.id,
                        holder=f"worker-{self.lives}",
                        ttl=TTL,
                        ports=ports,
                        plans=app.plans,
                    )
                )
        return busy

    def _answer(self, app: App, store: Any) -> bool:
        busy = False
        self.looks += 1
        for look, wish in self.scenario.asks.items():
            if (
                look <= self.looks
                and look not in self.asked
                and all(n in self.asked for n in self.scenario.asks if n < look)
            ):
                with contextlib.suppress(Refused):
                    getattr(app, wish)(self.run, by="ana@example.com")
                self.asked.add(look)
                return True
        for review in app.reviews_of(self.run):
            answer = self._answer_to(review) if review.status == "open" else None
            if answer is not None:
                app.decide(review.id, Answer.to(review, **answer))
                busy = True
        return busy

    def _answer_to(self, review: Review) -> dict[str, Any] | None:
        if not review.request.title.startswith("Send again?"):
            return self.scenario.answer(review)
        # asked whether a call was made of which nobody knows, a person looks at the target first
        path = StepPath(review.path).step_run
        done = f"POST /{path}" in self.targets.service.applied
        return {"kind": "rejected" if done else "approved", "by": "ana@example.com", "comment": "looked"}

    def world(self) -> object:
        """What survives a process, beside the store."""
        looks = self.looks if self.scenario.asks else 0
        return pickle.dumps((self.targets, self.clock.now(), sorted(self.asked), looks))

    def _look(self) -> Store:
        """A store opened to look at, until the next life begins."""
        if self._eyes is None:
            self._eyes = self.opener()
        return self._eyes

    def look_away(self) -> None:
        """Close what was opened to look."""
        if self._eyes is not None:
            _close(self._eyes)
            self._eyes = None

    def ending(self) -> Ending:
        """What the execution came to."""
        store = self._look()
        execution = store.execution(self.run)
        outcomes = {
            outcome.path: (outcome.status, outcome.output, outcome.error) for outcome in store.outcomes(self.run)
        }
        page = asyncio.run(self.targets.site.read(PAGE)).body
        return Ending(
            status=execution.status,
            outputs=execution.outputs,
            outcomes=outcomes,
            applied=tuple(sorted(self.targets.service.applied)),
            page=page,
        )

    def complaints(self, *, audited: bool = True) -> list[str]:
        """What the audit finds in the store, and what the targets' own logs say against it."""
        store = self._look()
        found = [str(finding) for finding in audit(store, [self.run])] if audited else []
        ledger = {effect.key: effect for effect in store.effects(self.run)}
        calls = self.targets.keyed_calls()
        found += [f"I5: a call without a key: {call}" for call in self.targets.unkeyed()]
        for key, times in calls.items():
            effect = ledger.get(key)
            if effect is None:
                found.append(f"I5: {times} calls with the key {key}, which is not in the ledger")
            elif effect.target_class == "neither" and times > 1 + self._repeats_allowed(store, effect.path):
                found.append(f"I6: {effect.target} was called {times} times, and can tell none from another")
            elif times > self.lives + len(self.scenario.failures):
                found.append(f"I5: {effect.target} was called {times} times in {self.lives} lives")
        if self.targets.model.bought > 1 + self.answers_lost:
            found.append(
                f"{self.targets.model.bought} answers were bought, and {self.answers_lost} got lost in a crash"
            )
        given_up = (store.execution(self.run).error or {}).get("code") == "effect_unknown"
        for effect in ledger.values():
            if given_up and effect.target_class == "neither" and effect.status == "done":
                found.append(f"I6: {effect.target} has a receipt, and a person was asked whether it was written")
            if effect.status == "done" and not calls[effect.key]:
                found.append(f"I6: {effect.target} has a receipt and was never called")
        return found

    def _repeats_allowed(self, store: Store, path: str) -> int:
        return sum(
            decision.kind == "approved" and StepPath(asked).step_run == path
            for asked, decision in store.decisions(self.run).items()
        )

    def events(self) -> Sequence[Event]:
        """Its timeline."""
        return self._look().events(self.run)

    def execution(self) -> Execution:
        """The execution, as it is remembered."""
        return self._look().execution(self.run)


def _close(store: Store) -> None:
    close = getattr(store, "close", None)
    if close is not None:
        close()
