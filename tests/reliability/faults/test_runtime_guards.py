"""What the warm worker, the reconciler and the words to Prefect must not do, each on a Prefect server in memory."""

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
from tests.support.crash_injection import CrashInjector, CrashProxy
from tests.support.prefect_in_memory import Client, PrefectMemory
from tests.support.store_contract import TTL, StoreHarness

POOL = "pool"


@dataclass
class Hall:
    """A store, a Prefect server, and a dispatcher whose executions only record that they ran."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime.now(UTC)))
    server: PrefectMemory = field(default_factory=PrefectMemory)
    taken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.harness = StoreHarness(self.store, self.clock)
        self.client: Any = Client(CrashProxy(self.server, CrashInjector(), "prefect"))
        self.worker_context = WorkerContext(
            store=self.store, ports=fake_ports(clock=self.clock), settings=Settings(), holder="worker:me:1:x"
        )

    def run(self, state: State[Any], *, tags: tuple[str, ...] = ("workflow:refresh",), pool: str = POOL) -> str:
        """A flow run in this state, without an execution."""
        run_id = uuid4()
        self.server.runs[run_id] = FlowRun(id=run_id, flow_id=uuid4(), work_pool_name=pool, tags=list(tags))
        self.server._set(run_id, state)
        return str(run_id)

    def state(self, run_id: str) -> str:
        found = self.server.runs[UUID(run_id)].state
        assert found is not None
        return found.name or ""

    def execution(self, run_id: str, **more: Any) -> str:
        """An execution of this run."""
        self.harness.create_execution(run_id, **more)
        return run_id

    def silent(self, run_id: str, deaths: int) -> str:
        """An execution over which so many workers in a row have gone silent."""
        for number in range(deaths):
            self.store.claim(run_id, f"worker-{number}", TTL)
            self.clock.advance(16)
        return run_id

    def dispatcher(self, **more: Any) -> Dispatcher:
        """A dispatcher that records what it runs."""
        hall = self

        class Noting(Dispatcher):
            async def _run_once(self, execution_id: str, slot: Any) -> None:
                hall.taken.append(execution_id)
                await loop_turns(50)

        return Noting(self.worker_context, self.client, pool=POOL, **{"limit": 10, **more})


async def loop_turns(number: int) -> None:
    """Let the other tasks of the event loop run, without waiting for a time."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.fixture
async def hall() -> Hall:
    """Made where there is an event loop."""
    return Hall()


def old(state: State[Any], seconds: float) -> State[Any]:
    """A state that has been one for so long."""
    return state.model_copy(update={"timestamp": datetime.now(UTC) - timedelta(seconds=seconds)})


# --- the dispatcher


async def test_an_execution_is_taken_up_once_at_a_time(hall: Hall) -> None:
    dispatcher = hall.dispatcher()
    for _ in range(5):
        dispatcher.wake("run")
    assert len(dispatcher.slots) == 1
    await dispatcher.wait_idle()
    assert hall.taken == ["run"]


async def test_no_more_are_worked_on_than_there_are_places(hall: Hall) -> None:
    dispatcher = hall.dispatcher(limit=2)
    for number in range(5):
        dispatcher.wake(f"run-{number}")
    await loop_turns(10)
    assert len(hall.taken) == 2
    await dispatcher.wait_idle()
    assert len(hall.taken) == 5


async def test_a_wake_up_during_a_run_is_not_lost(hall: Hall) -> None:
    run = hall.execution(hall.run(Running()))
    dispatcher = hall.dispatcher()
    dispatcher.wake(run)
    await loop_turns(10)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert hall.taken == [run, run]


async def test_a_wake_up_during_a_run_that_left_nothing_to_do_starts_no_run(hall: Hall) -> None:
    run = hall.execution(hall.run(Running()))
    lease = hall.store.claim(run, "other", TTL)
    dispatcher = hall.dispatcher()
    dispatcher.wake(run)
    await loop_turns(10)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert hall.taken == [run]
    assert hall.store.execution(run).epoch == lease.epoch


async def test_a_dispatcher_that_shuts_down_runs_nothing(hall: Hall) -> None:
    dispatcher = hall.dispatcher()
    await dispatcher.shut_down(1.0)
    dispatcher.wake("run")
    await dispatcher.wait_idle()
    assert hall.taken == []


async def test_what_could_not_run_cools_down_unless_it_is_woken(hall: Hall) -> None:
    dispatcher = hall.dispatcher()
    dispatcher._cooldown.start("run")
    dispatcher.enqueue("run")
    await dispatcher.wait_idle()
    assert hall.taken == []
    dispatcher.wake("run")
    await dispatcher.wait_idle()
    assert hall.taken == ["run"]


async def test_one_executions_trouble_is_no_other_ones(hall: Hall) -> None:
    hall_of = hall

    class Troubled(Dispatcher):
        async def _run_once(self, execution_id: str, slot: Any) -> None:
            if execution_id == "bad":
                raise RuntimeError("a mistake")
            if execution_id == "away":
                raise Unavailable("the database is away")
            hall_of.taken.append(execution_id)

    dispatcher = Troubled(hall.worker_context, hall.client, pool=POOL, limit=1)
    for name in ("bad", "away", "good"):
        dispatcher.enqueue(name)
    await dispatcher.wait_idle()
    assert hall.taken == ["good"]
    assert dispatcher.slots == {}
    dispatcher.enqueue("bad")
    assert dispatcher.slots == {}  # it cools down


@pytest.mark.parametrize(("deaths", "suspect"), [(0, False), (1, False), (2, True)])
async def test_a_suspect_of_two_lost_workers_runs_in_a_child(hall: Hall, deaths: int, suspect: bool) -> None:
    run = hall.silent(hall.execution(hall.run(Running())), deaths)
    isolated: list[str] = []

    async def run_in_child(execution_id: str, *_: Any) -> None:
        isolated.append(execution_id)

    dispatcher = Dispatcher(hall.worker_context, hall.client, pool=POOL, limit=5, run_in_child=run_in_child)
    assert dispatcher._isolation.is_suspect(run) is suspect
    if suspect:
        dispatcher.wake(run)
        await dispatcher.wait_idle()
        assert isolated == [run]


async def test_a_run_of_another_pool_is_not_worked_on_here(hall: Hall) -> None:
    run = hall.execution(hall.run(old(Crashed(), 60), pool="other"))
    dispatcher = Dispatcher(hall.worker_context, hall.client, pool=POOL, limit=5)
    dispatcher.wake(run)
    await dispatcher.wait_idle()
    assert hall.store.execution(run).epoch == 0
    assert hall.state(run) == "AwaitingRetry"


# --- what Prefect is told


async def test_a_run_that_has_ended_in_prefect_is_not_shown_as_running_again(hall: Hall) -> None:
    for state in (Completed(), Failed(), Cancelled(), Cancelling()):
        run = hall.run(state)
        await set_state(hall.client, run_id=UUID(run), state=Running())
        assert hall.state(run) == state.name


async def test_but_our_own_end_is_shown_whatever_prefect_thinks(hall: Hall) -> None:
    run = hall.run(Crashed())
    await set_state(hall.client, run_id=UUID(run), state=Completed())
    assert hall.state(run) == "Completed"


async def test_words_are_said_in_order_and_again_to_a_busy_server(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowbuilder.prefect.runs.state_reporter, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(flowbuilder.prefect.runs.state_reporter, "RETRY_DELAYS", (0.0, 0.0))
    said: list[str] = []

    def word(name: str, *problems: Exception) -> Any:
        left = list(problems)

        async def say(_: Any) -> None:
            if left:
                raise left.pop(0)
            said.append(name)

        return say

    def answer(code: int) -> PrefectHTTPStatusError:
        request = httpx.Request("GET", "http://prefect.example")
        return PrefectHTTPStatusError("no", request=request, response=httpx.Response(code, request=request))

    reporter = StateReporter(hall.client, about="a run")
    reporter.enqueue(word("busy twice", answer(503), answer(503)))
    reporter.enqueue(word("refused", answer(409)))
    reporter.enqueue(word("broken", RuntimeError("a mistake")))
    reporter.enqueue(word("last"))
    await reporter.close()
    assert said == ["busy twice", "last"]
    assert reporter.failed


# --- the reconciler


def reconciler_of(hall: Hall) -> Reconciler:
    async def offer(execution: Execution) -> bool:
        hall.taken.append(execution.id)
        return True

    return Reconciler(hall.store, hall.client, offer)


async def test_a_reconciler_offers_what_is_ready_and_what_nobody_holds_any_more(hall: Hall) -> None:
    ready, held, lapsed = (hall.execution(hall.run(old(Running(), 60))) for _ in range(3))
    hall.store.claim(lapsed, "dead", TTL)
    hall.clock.advance(16)
    hall.store.claim(held, "alive", TTL)
    result = await reconciler_of(hall).reconcile()
    assert set(result.woken) == {ready, lapsed}


async def test_a_reconciler_shows_what_is_so_but_not_what_is_just_being_said(hall: Hall) -> None:
    runs = {age: hall.execution(hall.run(old(Running(), age))) for age in (5, 60)}
    for run in runs.values():
        hall.store.settle(hall.store.claim(run, "w", TTL), "completed", events=[NewEvent(type="execution_completed")])
    result = await reconciler_of(hall).reconcile()
    assert result.corrected == [runs[60]]
    assert (hall.state(runs[5]), hall.state(runs[60])) == ("Running", "Completed")


async def test_a_reconciler_corrects_nothing_of_what_is_held_or_worked_on(hall: Hall) -> None:
    held, here = (hall.execution(hall.run(old(Pending(), 60))) for _ in range(2))
    hall.store.claim(held, "alive", TTL)
    hall.store.settle(hall.store.claim(here, "w", TTL), "completed", events=[NewEvent(type="execution_completed")])
    result = await reconciler_of(hall).reconcile(running_here=[here])
    assert result.corrected == []
    assert (hall.state(held), hall.state(here)) == ("Pending", "Pending")


async def test_a_cancellation_that_prefect_still_waits_for_is_shown_as_done(hall: Hall) -> None:
    run = hall.execution(hall.run(old(Cancelling(), 60)))
    hall.store.request_control(run, "cancel", "ana")
    await reconciler_of(hall).reconcile()
    assert hall.state(run) == "Cancelled"


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
async def test_only_a_run_of_ours_that_never_began_is_begun_again(
    hall: Hall, state: Any, age: int, tags: tuple[str, ...], again: bool
) -> None:
    run = hall.run(old(state(), age), tags=tags)
    await reconciler_of(hall).reconcile()
    assert (hall.state(run) == "AwaitingRetry") is again


# --- waking by way of Prefect


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
async def test_a_run_is_woken_once_its_state_is_not_to_be_believed_any_more(
    hall: Hall, state: Any, age: int, lapsed: int | None, done: str
) -> None:
    run = hall.execution(hall.run(old(state(), age)))
    if lapsed is not None:
        hall.clock._now = datetime.now(UTC) - timedelta(seconds=15 + lapsed)
        hall.store.claim(run, "dead", TTL)
    assert await reschedule(hall.client, hall.store.execution(run), hall.server.runs[UUID(run)]) == done


# --- what people press in Prefect


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
async def test_what_is_pressed_in_prefect_becomes_a_control_request(
    hall: Hall, state: State[Any], since: int | None, requested: str | None
) -> None:
    run = hall.execution(hall.run(state))
    hall.store.claim(run, "me", TTL)
    begun = None if since is None else state.timestamp - timedelta(seconds=since)
    active: Any = Active(hall.server.runs[UUID(run)], begun)
    assert await record_ui_controls(hall.client, hall.store, [active]) == ([run] if requested else [])
    assert hall.store.control(run) == requested
    assert await record_ui_controls(hall.client, hall.store, [active]) == []  # it is no news any more


async def test_a_cancellation_in_prefect_ends_ours_but_none_that_has_ended(hall: Hall) -> None:
    waiting, ended = (hall.execution(hall.run(Cancelled())) for _ in range(2))
    hall.store.settle(hall.store.claim(ended, "w", TTL), "completed", events=[NewEvent(type="execution_completed")])
    assert await apply_cancellations(hall.client, hall.store, since=None) == [waiting]
    assert hall.store.execution(waiting).status == "cancelled"
    assert hall.store.execution(ended).status == "completed"


async def test_a_resume_is_someones_who_pressed_it_and_not_that_of_a_decision(hall: Hall) -> None:
    run = hall.execution(hall.run(Running()))
    lease = hall.store.claim(run, "w", TTL)
    review = hall.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1))
    hall.store.settle(lease, "waiting", events=[])
    assert await was_resumed(hall.client, hall.store.execution(run))
    hall.harness.approve(review, "ana")
    hall.clock._now = datetime.now(UTC)
    assert not await was_resumed(hall.client, hall.store.execution(run))


async def test_a_pause_is_over_only_when_somebody_resumed_after_it(hall: Hall) -> None:
    run = hall.execution(hall.run(Running()))
    hall.store.request_control(run, "pause", "ana")
    assert not await was_resumed(hall.client, hall.store.execution(run))
    hall.server._set(UUID(run), Scheduled(name="Resuming"))
    hall.server._set(UUID(run), Paused(name="Suspended"))
    assert not await was_resumed(hall.client, hall.store.execution(run))
    hall.server._set(UUID(run), Scheduled(name="Resuming"))
    assert await was_resumed(hall.client, hall.store.execution(run))
