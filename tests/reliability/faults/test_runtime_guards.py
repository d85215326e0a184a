"""Guards of the warm worker, the reconciler and the state reporter, each with a Prefect server in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Paused, Pending, Running, Scheduled

import flowbuilder.prefect.runs.state_reporter
from flowbuilder.errors import Unavailable
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import ReviewRequest
from flowbuilder.prefect.runs.flow_run import set_state, was_resumed
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.reconciler import Reconciler
from flowbuilder.prefect.worker.ui_control_poller import apply_cancellations, record_ui_controls
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from tests.support.faults.crash_injection import CrashInjector, CrashProxy
from tests.support.servers.prefect_in_memory import Client, PrefectMemory
from tests.support.store_contract import TTL, StoreHarness

POOL = "pool"


@dataclass
class RuntimeHarness:
    """A store, a Prefect server, and a dispatcher whose executions only record that they ran."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime.now(UTC)))
    server: PrefectMemory = field(default_factory=PrefectMemory)
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.harness = StoreHarness(self.store, self.clock)
        self.client: Any = Client(CrashProxy(self.server, CrashInjector(), "prefect"))
        self.worker_context = WorkerContext(
            store=self.store, ports=fake_ports(clock=self.clock), settings=Settings(), holder="worker:me:1:x"
        )

    def run(self, state: State[Any], *, tags: tuple[str, ...] = ("workflow:refresh",), pool: str = POOL) -> str:
        """Create a flow run in this state, without an execution; returns its id."""
        run_id = uuid4()
        self.server.runs[run_id] = FlowRun(id=run_id, flow_id=uuid4(), work_pool_name=pool, tags=list(tags))
        self.server._set(run_id, state)
        return str(run_id)

    def state(self, run_id: str) -> str:
        found = self.server.runs[UUID(run_id)].state
        assert found is not None
        return found.name or ""

    def execution(self, run_id: str, **more: Any) -> str:
        """Create the execution of this run; returns its id."""
        self.harness.create_execution(run_id, **more)
        return run_id

    def with_lost_workers(self, run_id: str, deaths: int) -> str:
        """Let so many workers in a row lose their lease on this execution."""
        for number in range(deaths):
            self.store.claim(run_id, f"worker-{number}", TTL)
            self.clock.advance(16)
        return run_id

    def dispatcher(self, **more: Any) -> Dispatcher:
        """A dispatcher that records what it runs."""
        runtime = self

        class RecordingDispatcher(Dispatcher):
            async def _run_once(self, execution_id: str, slot: Any) -> None:
                runtime.started.append(execution_id)
                await loop_turns(50)

        return RecordingDispatcher(self.worker_context, self.client, pool=POOL, **{"limit": 10, **more})


async def loop_turns(number: int) -> None:
    """Let the other tasks of the event loop run, without waiting for a time."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.fixture
async def runtime() -> RuntimeHarness:
    """A harness that is created inside the event loop."""
    return RuntimeHarness()


def old(state: State[Any], seconds: float) -> State[Any]:
    """A state that was set so many seconds ago."""
    return state.model_copy(update={"timestamp": datetime.now(UTC) - timedelta(seconds=seconds)})


# --- the dispatcher


async def test_an_execution_runs_once_at_a_time(runtime: RuntimeHarness) -> None:
    dispatcher = runtime.dispatcher()
    for _ in range(5):
        dispatcher.wake("run")
    assert len(dispatcher.slots) == 1
    await dispatcher.wait_idle()
    assert runtime.started == ["run"]


async def test_no_more_executions_run_than_there_are_slots(runtime: RuntimeHarness) -> None:
    dispatcher = runtime.dispatcher(limit=2)
    for number in range(5):
        dispatcher.wake(f"run-{number}")
    await loop_turns(10)
    assert len(runtime.started) == 2
    await dispatcher.wait_idle()
    assert len(runtime.started) == 5


async def test_a_wake_up_during_a_run_is_not_lost(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(Running()))
    dispatcher = runtime.dispatcher()
    dispatcher.wake(run)
    await loop_turns(10)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert runtime.started == [run, run]


async def test_a_wake_up_during_a_run_that_left_nothing_to_do_starts_no_run(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(Running()))
    lease = runtime.store.claim(run, "other", TTL)
    dispatcher = runtime.dispatcher()
    dispatcher.wake(run)
    await loop_turns(10)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert runtime.started == [run]
    assert runtime.store.execution(run).epoch == lease.epoch


async def test_a_dispatcher_that_shuts_down_runs_nothing(runtime: RuntimeHarness) -> None:
    dispatcher = runtime.dispatcher()
    await dispatcher.shut_down(1.0)
    dispatcher.wake("run")
    await dispatcher.wait_idle()
    assert runtime.started == []


async def test_an_execution_that_could_not_run_cools_down_unless_it_is_woken(runtime: RuntimeHarness) -> None:
    dispatcher = runtime.dispatcher()
    dispatcher._cooldown.start("run")
    dispatcher.wake("run", polled=True)
    await dispatcher.wait_idle()
    assert runtime.started == []
    dispatcher.wake("run")
    await dispatcher.wait_idle()
    assert runtime.started == ["run"]


async def test_a_failing_execution_does_not_stop_others(runtime: RuntimeHarness) -> None:
    harness = runtime

    class FailingDispatcher(Dispatcher):
        async def _run_once(self, execution_id: str, slot: Any) -> None:
            if execution_id == "bad":
                raise RuntimeError("a mistake")
            if execution_id == "away":
                raise Unavailable("the database is away")
            harness.started.append(execution_id)

    dispatcher = FailingDispatcher(runtime.worker_context, runtime.client, pool=POOL, limit=1)
    for name in ("bad", "away", "good"):
        dispatcher.wake(name, polled=True)
    await dispatcher.wait_idle()
    assert runtime.started == ["good"]
    assert dispatcher.slots == {}
    dispatcher.wake("bad", polled=True)
    assert dispatcher.slots == {}  # it is in its cool-down


@pytest.mark.parametrize(("deaths", "suspect"), [(0, False), (1, False), (2, True)])
async def test_a_suspect_of_two_lost_workers_runs_in_a_child(
    runtime: RuntimeHarness, deaths: int, suspect: bool
) -> None:
    run = runtime.with_lost_workers(runtime.execution(runtime.run(Running())), deaths)
    isolated: list[str] = []

    async def run_in_child(execution_id: str, *_: Any) -> None:
        isolated.append(execution_id)

    dispatcher = Dispatcher(runtime.worker_context, runtime.client, pool=POOL, limit=5, run_in_child=run_in_child)
    assert dispatcher._isolation.is_suspect(runtime.store.execution(run)) is suspect
    if suspect:
        dispatcher.wake(run)
        await dispatcher.wait_idle()
        assert isolated == [run]


async def test_a_run_of_another_pool_does_not_run_here(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(old(Crashed(), 60), pool="other"))
    dispatcher = Dispatcher(runtime.worker_context, runtime.client, pool=POOL, limit=5)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert runtime.store.execution(run).epoch == 0
    assert runtime.state(run) == "AwaitingRetry"


# --- states reported to Prefect


async def test_a_run_that_has_ended_in_prefect_is_not_shown_as_running_again(runtime: RuntimeHarness) -> None:
    for state in (Completed(), Failed(), Cancelled(), Cancelling()):
        run = runtime.run(state)
        await set_state(runtime.client, run_id=UUID(run), state=Running())
        assert runtime.state(run) == state.name


async def test_the_end_of_an_execution_is_shown_despite_prefects_state(runtime: RuntimeHarness) -> None:
    run = runtime.run(Crashed())
    await set_state(runtime.client, run_id=UUID(run), state=Completed())
    assert runtime.state(run) == "Completed"


async def test_states_are_reported_in_order_and_retried_on_a_busy_server(
    runtime: RuntimeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowbuilder.prefect.runs.state_reporter, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(flowbuilder.prefect.runs.state_reporter, "RETRY_DELAYS", (0.0, 0.0))
    said: list[str] = []

    def report(name: str, *problems: Exception) -> Any:
        left = list(problems)

        async def send(_: Any) -> None:
            if left:
                raise left.pop(0)
            said.append(name)

        return send

    def answer(code: int) -> PrefectHTTPStatusError:
        request = httpx.Request("GET", "http://prefect.example")
        return PrefectHTTPStatusError("no", request=request, response=httpx.Response(code, request=request))

    reporter = StateReporter(runtime.client, about="a run")
    reporter.enqueue(report("busy twice", answer(503), answer(503)))
    reporter.enqueue(report("refused", answer(409)))
    reporter.enqueue(report("broken", RuntimeError("a mistake")))
    reporter.enqueue(report("last"))
    await reporter.close()
    assert said == ["busy twice", "last"]
    assert reporter.failed


# --- the reconciler


def reconciler_of(runtime: RuntimeHarness) -> Reconciler:
    async def offer(execution: Execution) -> bool:
        runtime.started.append(execution.id)
        return True

    return Reconciler(runtime.store, runtime.client, offer)


async def test_a_reconciler_offers_ready_executions_and_those_with_expired_leases(runtime: RuntimeHarness) -> None:
    ready, held, lapsed = (runtime.execution(runtime.run(old(Running(), 60))) for _ in range(3))
    runtime.store.claim(lapsed, "dead", TTL)
    runtime.clock.advance(16)
    runtime.store.claim(held, "alive", TTL)
    result = await reconciler_of(runtime).reconcile()
    assert set(result.woken) == {ready, lapsed}


async def test_a_reconciler_corrects_old_states_but_none_that_is_being_reported(runtime: RuntimeHarness) -> None:
    runs = {age: runtime.execution(runtime.run(old(Running(), age))) for age in (5, 60)}
    for run in runs.values():
        runtime.store.settle(
            runtime.store.claim(run, "w", TTL), "completed", events=[NewEvent(type="execution_completed")]
        )
    result = await reconciler_of(runtime).reconcile()
    assert result.corrected == [runs[60]]
    assert (runtime.state(runs[5]), runtime.state(runs[60])) == ("Running", "Completed")


async def test_a_reconciler_corrects_no_state_of_a_running_execution(runtime: RuntimeHarness) -> None:
    held, here = (runtime.execution(runtime.run(old(Pending(), 60))) for _ in range(2))
    runtime.store.claim(held, "alive", TTL)
    runtime.store.settle(
        runtime.store.claim(here, "w", TTL), "completed", events=[NewEvent(type="execution_completed")]
    )
    result = await reconciler_of(runtime).reconcile(running_here=[here])
    assert result.corrected == []
    assert (runtime.state(held), runtime.state(here)) == ("Pending", "Pending")


async def test_a_cancellation_that_prefect_still_waits_for_is_shown_as_done(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(old(Cancelling(), 60)))
    runtime.store.request_control(run, "cancel", "ana")
    await reconciler_of(runtime).reconcile()
    assert runtime.state(run) == "Cancelled"


@pytest.mark.parametrize(
    ("state", "age", "tags", "again"),
    [
        (Pending, 200, ("workflow:refresh",), True),
        (Running, 200, ("workflow:refresh",), True),
        (Pending, 100, ("workflow:refresh",), False),
        (Pending, 200, (), False),
        (Paused, 200, ("workflow:refresh",), False),
    ],
)
async def test_only_our_runs_that_never_started_are_rescheduled(
    runtime: RuntimeHarness, state: Any, age: int, tags: tuple[str, ...], again: bool
) -> None:
    run = runtime.run(old(state(), age), tags=tags)
    await reconciler_of(runtime).reconcile()
    assert (runtime.state(run) == "AwaitingRetry") is again


# --- rescheduling in Prefect


@pytest.mark.parametrize(
    ("state", "age", "lapsed", "done"),
    [
        (Scheduled, 600, None, "left"),
        (Cancelling, 600, None, "left"),
        (Paused, 0, None, "resumed"),
        (Crashed, 20, None, "left"),
        (Crashed, 40, None, "rescheduled"),
        (Completed, 40, None, "rescheduled"),
        (Pending, 100, None, "left"),
        (Pending, 200, None, "rescheduled"),
        (Running, 20, None, "left"),
        (Running, 40, 10, "left"),
        (Running, 60, 40, "rescheduled"),
    ],
)
async def test_a_run_is_rescheduled_once_its_state_is_stale(
    runtime: RuntimeHarness, state: Any, age: int, lapsed: int | None, done: str
) -> None:
    run = runtime.execution(runtime.run(old(state(), age)))
    if lapsed is not None:
        runtime.clock._now = datetime.now(UTC) - timedelta(seconds=15 + lapsed)
        runtime.store.claim(run, "dead", TTL)
    assert await reschedule(runtime.client, runtime.store.execution(run), runtime.server.runs[UUID(run)]) == done


# --- pause and cancel in Prefect's UI


@dataclass
class Active:
    """The part of an active flow run that the UI poller reads."""

    run: FlowRun
    running_since: datetime | None


@pytest.mark.parametrize(
    ("state", "since", "requested"),
    [
        (Paused(), 10, "pause"),
        (Paused(), -10, None),  # the suspension that this run has resumed from
        (Paused(), None, None),
        (Cancelling(), None, "cancel"),
        (Cancelled(), None, "cancel"),
        (Running(), 10, None),
    ],
    ids=str,
)
async def test_a_pause_or_cancellation_in_prefects_ui_becomes_a_control_request(
    runtime: RuntimeHarness, state: State[Any], since: int | None, requested: str | None
) -> None:
    run = runtime.execution(runtime.run(state))
    runtime.store.claim(run, "me", TTL)
    begun = None if since is None else state.timestamp - timedelta(seconds=since)
    active: Any = Active(runtime.server.runs[UUID(run)], begun)
    assert await record_ui_controls(runtime.client, runtime.store, [active]) == ([run] if requested else [])
    assert runtime.store.control(run) == requested
    assert await record_ui_controls(runtime.client, runtime.store, [active]) == []  # it has been recorded


async def test_a_cancellation_in_prefect_cancels_an_execution_that_has_not_ended(runtime: RuntimeHarness) -> None:
    waiting, ended = (runtime.execution(runtime.run(Cancelled())) for _ in range(2))
    runtime.store.settle(
        runtime.store.claim(ended, "w", TTL), "completed", events=[NewEvent(type="execution_completed")]
    )
    assert await apply_cancellations(runtime.client, runtime.store, since=None) == [waiting]
    assert runtime.store.execution(waiting).status == "cancelled"
    assert runtime.store.execution(ended).status == "completed"


async def test_a_resume_by_a_decision_does_not_count_as_a_resume_in_prefect(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(Running()))
    lease = runtime.store.claim(run, "w", TTL)
    review = runtime.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1))
    runtime.store.settle(lease, "waiting", events=[])
    assert await was_resumed(runtime.client, runtime.store.execution(run))
    runtime.harness.approve(review, "ana")
    runtime.clock._now = datetime.now(UTC)
    assert not await was_resumed(runtime.client, runtime.store.execution(run))


async def test_a_pause_ends_only_with_a_later_resume(runtime: RuntimeHarness) -> None:
    run = runtime.execution(runtime.run(Running()))
    runtime.store.request_control(run, "pause", "ana")
    assert not await was_resumed(runtime.client, runtime.store.execution(run))
    runtime.server._set(UUID(run), Scheduled(name="Resuming"))
    runtime.server._set(UUID(run), Paused(name="Suspended"))
    assert not await was_resumed(runtime.client, runtime.store.execution(run))
    runtime.server._set(UUID(run), Scheduled(name="Resuming"))
    assert await was_resumed(runtime.client, runtime.store.execution(run))
