"""The same scenarios in the warm worker: dispatcher, reconciler, Prefect's task engine, a Prefect server in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect.settings
import prefect.task_engine
from prefect.context import AsyncClientContext, SettingsContext, get_settings_context
from prefect.settings import PREFECT_LOGGING_LEVEL, PREFECT_LOGGING_TO_API_ENABLED, PREFECT_SERVER_EPHEMERAL_ENABLED

import flowbuilder.prefect.api.sync_client
import flowbuilder.prefect.engine
import flowbuilder.prefect.runs.review_task
import flowbuilder.prefect.runs.state_reporter
from flowbuilder.app import App
from flowbuilder.model.execution import TERMINAL, Execution
from flowbuilder.prefect.engine import PrefectEngine
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.reconciler import Reconciler
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import Crash, CrashInjector, CrashProxy
from tests.support.faults.crash_scenario import PASSES, TTL, CrashScenario, Opener
from tests.support.faults.crash_workflows import Scenario
from tests.support.servers.prefect_in_memory import Client, PrefectMemory

POOL = "pool"
SHOWN = {"completed": "COMPLETED", "failed": "FAILED", "cancelled": "CANCELLED"}


class WakeUps:
    """The wake-up channel. Where no worker receives a wake-up, the application resumes the run in Prefect."""

    def __init__(self, dispatcher: Dispatcher, *, heard: bool) -> None:
        self._dispatcher, self._heard = dispatcher, heard

    def wake(self, execution_id: str) -> bool:
        if self._heard:
            self._dispatcher.wake(execution_id)
        return self._heard


class WarmCrashScenario(CrashScenario):
    """Each process is one warm worker. `heard` says whether it receives wake-ups."""

    def __init__(
        self, scenario: Scenario, opener: Opener, clock: FakeClock, *, run: str = "run", heard: bool = True
    ) -> None:
        super().__init__(scenario, opener, clock, run=run)
        self.key, self.heard = run, heard
        self.prefect = PrefectMemory()

    def _run_process(self, store: Any, injector: CrashInjector) -> None:
        asyncio.run(self._run_worker(store, injector))

    async def _run_worker(self, store: Any, injector: CrashInjector) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a crash leaves tasks behind
        server = CrashProxy(self.prefect, injector, "prefect")
        client: Any = Client(server)
        settings = Settings(work_pool=POOL, home=Path("nowhere"), lease_seconds=TTL.total_seconds())
        worker_context = WorkerContext(
            store=store, ports=self.ports(injector), settings=settings, holder=f"worker:{self.process_count}"
        )
        settings_context = SettingsContext(profile=get_settings_context().profile, settings=_settings_without_server())
        with settings_context, AsyncClientContext.model_construct(client=client):
            dispatcher = Dispatcher(worker_context, client, pool=POOL, limit=10)
            with prefect_in_memory(server, CrashProxy(WakeUps(dispatcher, heard=self.heard), injector, "wakeup")):
                await self._run_until_idle(App(store, PrefectEngine(store, settings), settings), dispatcher, injector)

    async def _run_until_idle(self, app: App, dispatcher: Dispatcher, injector: CrashInjector) -> None:
        store, client = dispatcher.worker_context.store, dispatcher.client

        async def offer(execution: Execution) -> bool:
            dispatcher.wake(execution.id, polled=True)
            return True

        reconciler = Reconciler(store, client, offer)
        reconciler.report_seconds = 0.0  # at this moment all states have been reported
        self._prepare(app, store)
        idle = 0
        for _ in range(PASSES):
            for run in await client.scheduled():  # type: ignore[attr-defined]
                dispatcher.wake(str(run.id), run, polled=True)
            await self._until_quiet(dispatcher, injector)
            result = await reconciler.reconcile(complete=True)
            await self._until_quiet(dispatcher, injector)
            busy = bool(result.expired or result.woken or result.corrected) or self._answer(app, store)
            await self._until_quiet(dispatcher, injector)
            if not busy and store.execution(self.run).status in TERMINAL:
                break
            idle = 0 if busy else idle + 1
            if idle:
                self.clock.advance(1800)
            if idle > 5:
                break
        await dispatcher.shut_down(1.0)

    def _start(self, app: App, **named: Any) -> None:
        self.run = app.start(key=self.key, **named)

    async def _until_quiet(self, dispatcher: Dispatcher, injector: CrashInjector) -> None:
        """Return when no execution runs and all updates have reached Prefect."""
        while True:
            await dispatcher.wait_idle()
            if injector.dead:
                raise Crash("the worker")
            if not dispatcher.slots and all(reporter.idle for reporter in dispatcher._reporters.values()):
                return
            await asyncio.sleep(0)

    def surviving_state(self) -> object:
        """Includes the state of Prefect's server."""
        return super().surviving_state(), self.prefect.writes

    def violations(self, *, audited: bool = True) -> list[str]:
        """Includes a final state in Prefect that differs from the execution's status."""
        found = super().violations(audited=audited)
        state = self.prefect.read_flow_run(UUID(self.run)).state
        status = self.execution().status
        shown = None if state is None else state.type.value
        if shown != SHOWN.get(status):
            found.append(f"Prefect shows {shown}, and it is {status}")
        if len(self.prefect.runs) != 1:
            found.append(f"{len(self.prefect.runs)} runs in Prefect")
        return found


@lru_cache
def _settings_without_server() -> prefect.settings.Settings:
    """Prefect's settings, without a server to send logs to."""
    changes = {
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_SERVER_EPHEMERAL_ENABLED: False,
        PREFECT_LOGGING_LEVEL: "CRITICAL",
    }
    return get_settings_context().settings.copy_with_update(updates=changes)


@contextlib.contextmanager
def prefect_in_memory(server: CrashProxy, wakeups: CrashProxy) -> Iterator[None]:
    """Connect this process's Prefect clients, task events and wake-ups to these proxies."""

    @contextlib.contextmanager
    def opened(**_: Any) -> Iterator[Any]:
        yield server

    def wake(_home: Path, execution_id: str, *_: Any) -> bool:
        return bool(wakeups.wake(execution_id))

    replaced = [
        (flowbuilder.prefect.api.sync_client, "prefect_client", opened),
        (flowbuilder.prefect.engine, "wake_workers", wake),
        (flowbuilder.prefect.runs.state_reporter, "HOLD_SECONDS", 0.0),
        (flowbuilder.prefect.runs.review_task, "emit_task_run_state_change_event", server.task_run_became),
        (
            prefect.task_engine,
            "emit_task_run_state_change_event",
            lambda task_run, initial_state, validated_state, **_: server.task_run_became(
                task_run, initial_state, validated_state
            ),
        ),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, value in replaced:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
