"""One scenario on one store: processes that start, work and may crash, and the state outside that survives them."""

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
from tests.support.faults.crash_injection import Crash, CrashInjector, CrashProxy
from tests.support.faults.crash_workflows import PAGE, SITE, Scenario
from tests.support.faults.deterministic_scheduling import deterministic_scheduling, without_polling
from tests.support.faults.effect_targets import CrashableSite, Service, Site, Targets

TTL = timedelta(seconds=15)
PASSES = 60
"""The number of passes of a process after which it counts as stuck."""
READS = frozenset(
    {
        "execution", "executions", "outcomes", "control", "ready", "events", "review", "reviews", "pending_counts",
        "decisions", "effect", "effects", "install_id", "version", "latest_version", "versions", "workflows", "site",
        "sites",
    }
)  # fmt: skip
"""Operations of a store that change nothing: a crash around one is equivalent to a crash after the write before it."""


def changes(operation: str) -> bool:
    """Whether an operation may change something that survives."""
    name = operation.partition(".")[2]
    return name not in READS and name != "read"


class Opener(Protocol):
    """Opens the store as a new process would."""

    def __call__(self) -> Store: ...


@dataclass(frozen=True)
class Ending:
    """The final state of an execution and its targets: it must not depend on crashes."""

    status: str
    outputs: Any
    outcomes: dict[str, Any]
    applied: tuple[str, ...]
    page: str


class Engine:
    """Prefect, as the application sees it: starting is idempotent by the execution's id, a wake-up is a hint."""

    def __init__(self, crash_run: CrashScenario, store: Store) -> None:
        self._scenario, self._store = crash_run, store

    def start(self, wanted: StartRequest) -> str:
        create_execution(
            self._store,
            self._scenario.clock,
            execution_id=self._scenario.run,
            version=self._store.version(wanted.workflow, wanted.version),
            inputs=wanted.inputs,
            site=wanted.site,
        )
        return self._scenario.run

    def wake(self, execution_id: str) -> None:
        self._scenario.woken.append(execution_id)

    def cancel(self, execution_id: str) -> None:
        self._scenario.woken.append(execution_id)


class CrashScenario:
    """One scenario: a clock, targets, reviewers, and a store that each process opens anew."""

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
        self.process_count = 0
        self.answers_lost = 0
        self.polls = 0
        self.requested: set[int] = set()
        self._observer: Store | None = None

    def run_process(self, injector: CrashInjector) -> None:
        """Run one process: start the execution unless it exists, then work and decide until nothing is left to do."""
        self.process_count += 1
        self.close_observer()
        opened = self.opener()
        try:
            with deterministic_scheduling(), without_polling():
                self._run_process(CrashProxy(opened, injector, "store"), injector)
        except Crash:
            self.answers_lost += (injector.operations[-1], injector.when) == ("store.save_step_memo", "before")
            raise
        finally:
            close = getattr(opened, "close", None)
            if close is not None:
                close()

    def _run_process(self, store: Any, injector: CrashInjector) -> None:
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
        """The ports, each behind a `CrashProxy`."""
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
                        holder=f"worker-{self.process_count}",
                        ttl=TTL,
                        ports=ports,
                        plans=app.plans,
                    )
                )
        return busy

    def _answer(self, app: App, store: Any) -> bool:
        busy = False
        self.polls += 1
        for poll, control in self.scenario.control_requests.items():
            if (
                poll <= self.polls
                and poll not in self.requested
                and all(n in self.requested for n in self.scenario.control_requests if n < poll)
            ):
                with contextlib.suppress(Refused):
                    getattr(app, control)(self.run, by="ana@example.com")
                self.requested.add(poll)
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
        # asked about a call whose outcome is unknown, the reviewer looks at the target first
        path = StepPath(review.path).step_run
        done = f"POST /{path}" in self.targets.service.applied
        return {"kind": "rejected" if done else "approved", "by": "ana@example.com", "comment": "looked"}

    def surviving_state(self) -> object:
        """The state that survives a process, beside the store."""
        polls = self.polls if self.scenario.control_requests else 0
        return pickle.dumps((self.targets, self.clock.now(), sorted(self.requested), polls))

    def _observe(self) -> Store:
        """A store opened for reading, until the next process starts."""
        if self._observer is None:
            self._observer = self.opener()
        return self._observer

    def close_observer(self) -> None:
        """Close the store that was opened for reading."""
        if self._observer is not None:
            _close(self._observer)
            self._observer = None

    def ending(self) -> Ending:
        """The final state of the execution and its targets."""
        store = self._observe()
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

    def violations(self, *, audited: bool = True) -> list[str]:
        """Violated invariants: the findings of the audit, and differences of the targets' logs."""
        store = self._observe()
        found = [str(finding) for finding in audit(store, [self.run])] if audited else []
        ledger = {effect.key: effect for effect in store.effects(self.run)}
        calls = self.targets.keyed_calls()
        found += [f"I5: a call without a key: {call}" for call in self.targets.unkeyed()]
        for key, times in calls.items():
            effect = ledger.get(key)
            if effect is None:
                found.append(f"I5: {times} calls with the key {key}, which is not in the ledger")
            elif effect.target_class == "neither" and times > 1 + self._repeats_allowed(store, effect.path):
                found.append(f"I6: {effect.target} was called {times} times, and cannot deduplicate")
            elif times > self.process_count + len(self.scenario.failures):
                found.append(f"I5: {effect.target} was called {times} times in {self.process_count} processes")
        if self.targets.model.bought > 1 + self.answers_lost:
            found.append(f"{self.targets.model.bought} answers were bought, and crashes lost {self.answers_lost}")
        given_up = (store.execution(self.run).error or {}).get("code") == "effect_unknown"
        for effect in ledger.values():
            if given_up and effect.target_class == "neither" and effect.status == "done":
                found.append(f"I6: {effect.target} has a receipt, and a person was asked whether it was written")
            if effect.status == "done" and not calls[effect.key]:
                found.append(f"I6: {effect.target} has a receipt and was never called")
        return found

    def _repeats_allowed(self, store: Store, path: str) -> int:
        return sum(
            decision.kind == "approved" and StepPath(path_of_review).step_run == path
            for path_of_review, decision in store.decisions(self.run).items()
        )

    def events(self) -> Sequence[Event]:
        """The timeline of the execution."""
        return self._observe().events(self.run)

    def execution(self) -> Execution:
        """The execution's row."""
        return self._observe().execution(self.run)


def _close(store: Store) -> None:
    close = getattr(store, "close", None)
    if close is not None:
        close()
