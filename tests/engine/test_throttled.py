"""A throttled step run: no attempt, no worker held, no failure, but not for longer than a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from flowbuilder.app import App
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.runner import run_execution
from flowbuilder.errors import StepError, Throttled, TransientError
from flowbuilder.settings import Settings
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from flowbuilder.throttling.context import current_throttle_context
from flowbuilder.values import JsonObject

Behaviour = Callable[[StepRun], Any]
TURN = {"era": 3, "at": "2026-01-05T09:10:00+00:00"}


class Calling(Step):
    """A step that does what the test says."""

    does: ClassVar[list[Behaviour]] = []

    async def run(self, run: StepRun) -> StepResult:
        """The next behaviour; the last one is repeated."""
        behave = self.does.pop(0) if len(self.does) > 1 else self.does[0]
        given = behave(run)
        return Completed(output=await given if asyncio.iscoroutine(given) else given)


class Sharing(Calling):
    """The same in the worker's event loop."""

    cooperative: ClassVar[bool] = True


@pytest.fixture(autouse=True)
def calling_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {**step_types(), "calling": Calling, "sharing": Sharing}
    monkeypatch.setattr("flowbuilder.definition.step_loader.step_types", lambda: known)
    yield
    Calling.does.clear()


class ThrottleScenario:
    """A store, a clock and one execution of one step."""

    def __init__(self, *does: Behaviour, kind: str = "sharing", beside: bool = False, **more: Any) -> None:
        Calling.does[:] = does
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.ports = fake_ports(clock=self.clock)
        self.local = LocalRunner(self.store, self.ports)
        app = App(self.store, self.local, Settings())
        document: JsonObject = {
            "schema": "flowbuilder/v1",
            "name": "w",
            "title": "W",
            "steps": [{"id": "a", "type": kind, **more}, *([{"id": "b", "type": kind}] if beside else [])],
            "outputs": {name: f"{{{{ steps.{name}.output }}}}" for name in ("ab" if beside else "a")},
        }
        self.id = app.start("w", {}, version=app.push(document).number)

    async def run(self) -> RunResult:
        return await run_execution(
            self.store,
            self.id,
            holder="test",
            ttl=timedelta(seconds=15),
            ports=self.ports,
        )

    def types(self) -> list[str]:
        return [event.type for event in self.store.events(self.id)]


def refusing(seconds: float | None = None) -> Behaviour:
    def behave(_run: StepRun) -> None:
        raise TransientError("too often", reason="rate_limit", retry_after=seconds)

    return behave


def sent_away(seconds: float = 600) -> Behaviour:
    def behave(_run: StepRun) -> None:
        raise Throttled("not more often", connection="shop", retry_after=seconds, reservation=TURN)

    return behave


def answering(run: StepRun) -> int:
    return run.attempt


async def test_a_step_without_retries_is_throttled_and_then_makes_its_first_attempt() -> None:
    scenario = ThrottleScenario(sent_away(), answering)
    result = await scenario.run()
    assert (result.status, result.resume_at) == ("waiting", scenario.clock.now() + timedelta(seconds=600))
    row = scenario.store.execution(scenario.id)
    assert (row.status, row.ready_at, row.holder) == ("waiting", result.resume_at, None)
    (event,) = [event for event in scenario.store.events(scenario.id) if event.type == "step_throttled"]
    assert event.path == "a"
    assert event.data == {
        "connection": "shop",
        "since": scenario.clock.now().isoformat(),
        "until": (scenario.clock.now() + timedelta(seconds=600)).isoformat(),
        "reason": "not more often",
        "attempt": 1,
        "turn": TURN,
    }
    scenario.clock.advance(600)
    assert (await scenario.run()).outputs == {"a": 1}
    assert scenario.types().count("step_started") == 1


async def test_throttling_uses_up_no_attempt() -> None:
    def failing(_run: StepRun) -> None:
        raise TransientError("down", reason="server_error", retry_after=0)

    scenario = ThrottleScenario(sent_away(), failing, sent_away(), failing, retry={"attempts": 2, "delay_seconds": 0})
    for _ in range(2):
        assert (await scenario.run()).status == "waiting"
        scenario.clock.advance(600)
    result = await scenario.run()
    assert result.error == {"code": "server_error", "message": "down", "path": "a"}
    events = [event for event in scenario.store.events(scenario.id) if event.path == "a"][1:]
    steps = [(event.type, event.data["attempt"]) for event in events]
    assert steps == [("step_throttled", 1), ("step_retrying", 1), ("step_throttled", 2), ("step_failed", 2)]


async def test_a_throttled_step_runs_when_due_while_another_step_still_runs() -> None:
    def failing(_run: StepRun) -> None:
        raise TransientError("down", reason="server_error", retry_after=0)

    async def working_for_long(_run: StepRun) -> None:
        await asyncio.sleep(0.05)
        scenario.clock.advance(600)

    scenario = ThrottleScenario(
        sent_away(), working_for_long, failing, answering, beside=True, retry={"attempts": 2, "delay_seconds": 0}
    )
    assert (await scenario.run()).outputs == {"a": 2, "b": None}


async def test_an_execution_woken_too_early_keeps_waiting() -> None:
    scenario = ThrottleScenario(sent_away(), answering)
    first = await scenario.run()
    scenario.clock.advance(100)
    again = await scenario.run()
    assert (again.status, again.resume_at, again.progressed) == ("waiting", first.resume_at, False)


async def test_a_short_throttle_wait_releases_the_execution_too() -> None:
    scenario = ThrottleScenario(sent_away(2), answering)
    assert (await scenario.run()).status == "waiting"


@pytest.mark.parametrize("kind", ["calling", "sharing"])
async def test_a_throttled_step_has_its_reservation_when_it_runs_again(kind: str) -> None:
    scenario = ThrottleScenario(
        sent_away(),
        lambda _run: [current_throttle_context().reservations, current_throttle_context().times_throttled],
        kind=kind,
    )
    await scenario.run()
    scenario.clock.advance(600)
    assert (await scenario.run()).outputs == {"a": [{"shop": TURN}, 1]}


async def test_a_rate_limit_error_of_a_third_party_step_is_a_wait_that_doubles_up_to_a_minute() -> None:
    scenario = ThrottleScenario(refusing())
    waits = []
    for _ in range(7):
        result = await scenario.run()
        assert result.resume_at is not None
        waits.append((result.resume_at - scenario.clock.now()).total_seconds())
        scenario.clock.advance(waits[-1])
    assert waits == [5, 10, 20, 40, 60, 60, 60]


async def test_after_a_day_of_throttling_the_step_fails() -> None:
    scenario = ThrottleScenario(refusing(3600))
    for _ in range(24):
        assert (await scenario.run()).status == "waiting"
        scenario.clock.advance(3600)
    result = await scenario.run()
    assert result.error is not None
    assert result.error["code"] == "throttled"
    assert result.error["message"] == "still rate limited after 24 hours of waiting: too often"


async def test_a_rate_limit_after_progress_restarts_the_day_of_waiting() -> None:
    def failing(_run: StepRun) -> None:
        raise TransientError("down", reason="server_error", retry_after=3600)

    scenario = ThrottleScenario(
        *[refusing(3600)] * 20, failing, *[refusing(3600)] * 20, answering, retry={"attempts": 2, "delay_seconds": 0}
    )
    for _ in range(41):
        assert (await scenario.run()).status == "waiting"
        scenario.clock.advance(3600)
    assert (await scenario.run()).outputs == {"a": 2}


async def test_a_local_run_waits_for_a_throttled_step() -> None:
    scenario = ThrottleScenario(sent_away(), sent_away(30), answering)
    result = await scenario.local.run(scenario.id)
    assert (result.status, result.outputs) == ("completed", {"a": 1})


async def test_a_local_run_does_not_wait_for_hours() -> None:
    scenario = ThrottleScenario(sent_away(7200), answering)
    assert (await scenario.local.run(scenario.id)).status == "waiting"


@pytest.mark.parametrize("kind", ["calling", "sharing"])
async def test_the_timeout_of_a_step_excludes_rate_limit_waits(kind: str) -> None:
    async def waiting(_run: StepRun) -> str:
        current_throttle_context().extend_timeouts(0.4)
        await asyncio.sleep(0.4)
        return "in time"

    assert (await ThrottleScenario(waiting, kind=kind, timeout_seconds=0.3).run()).outputs == {"a": "in time"}


async def test_the_timeout_of_a_step_includes_its_own_time() -> None:
    async def idling(_run: StepRun) -> None:
        current_throttle_context().extend_timeouts(0.1)
        await asyncio.sleep(5)

    result = await ThrottleScenario(idling, timeout_seconds=0.1).run()
    assert result.error is not None
    assert result.error["code"] == "timeout"


async def test_an_execution_is_paused_while_a_step_is_throttled() -> None:
    scenario = ThrottleScenario(sent_away(), answering)
    await scenario.run()
    assert scenario.store.request_control(scenario.id, "pause", "someone").status == "paused"
    scenario.store.request_control(scenario.id, None, "someone")
    assert (await scenario.run()).status == "waiting"
    assert scenario.store.request_control(scenario.id, "cancel", "someone").status == "cancelled"


async def test_a_mistake_in_a_step_type_is_not_throttling() -> None:
    def wrong(_run: StepRun) -> None:
        raise StepError("wrong", code="wrong")

    result = await ThrottleScenario(wrong).run()
    assert result.error is not None
    assert result.error["code"] == "wrong"
