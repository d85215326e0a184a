"""The driver: retries, waits that hold no worker, timeouts, and requeueing when the worker stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from flowbuilder.app import App
from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.runner import run_execution
from flowbuilder.errors import StepError, TransientError
from flowbuilder.model.effect import Intent
from flowbuilder.settings import Settings
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import Completed, Step, StepResult, StepRun, Templated
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports

Behaviour = Callable[[StepRun], Any]
BEHAVIOURS: dict[str, Behaviour] = {}


class Acting(Step):
    """A step that does what the test says."""

    does: Templated[str]

    async def run(self, run: StepRun) -> StepResult:
        """Call the behaviour, and await a coroutine that it returns."""
        given = BEHAVIOURS[self.does](run)
        return Completed(output=await given if asyncio.iscoroutine(given) else given)


class Awaiting(Acting):
    """The same in the worker's event loop."""

    cooperative: ClassVar[bool] = True


@pytest.fixture(autouse=True)
def acting_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {**step_types(), "acting": Acting, "awaiting": Awaiting}
    monkeypatch.setattr("flowbuilder.definition.step_loader.step_types", lambda: known)
    yield
    BEHAVIOURS.clear()


class DriveScenario:
    """A store, a clock and one execution of the given steps."""

    def __init__(self, *steps: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.ports = fake_ports(clock=self.clock)
        self.app = App(self.store, LocalRunner(self.store, self.ports), Settings())
        outputs = {step["id"]: f"{{{{ steps.{step['id']}.output | default(none) }}}}" for step in steps}
        document = {"schema": "flowbuilder/v1", "name": "w", "title": "W", "steps": list(steps), "outputs": outputs}
        self.id = self.app.start("w", {}, version=self.app.push(document).number)

    async def run(self, control: DriveControl | None = None) -> RunResult:
        return await run_execution(
            self.store,
            self.id,
            holder="test",
            ttl=timedelta(seconds=15),
            ports=self.ports,
            control=control,
        )

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.store.events(self.id) if event.type == kind]


def failing(times: int, *, retry_after: float | None = None) -> Behaviour:
    left = [times]

    def behave(run: StepRun) -> int:
        if left[0]:
            left[0] -= 1
            raise TransientError("busy", reason="server_error", retry_after=retry_after)
        return run.attempt

    return behave


def acting(kind: str = "acting", *, does: str = "it", id: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": kind, "does": does, **more}


async def test_a_transient_failure_is_retried_after_its_delay() -> None:
    BEHAVIOURS["it"] = failing(2)
    scenario = DriveScenario(acting(retry={"attempts": 3, "delay_seconds": 2}))
    begun = scenario.clock.now()
    assert (await scenario.run()).outputs == {"a": 3}
    assert scenario.clock.now() - begun == timedelta(seconds=6)
    assert [event["delay_seconds"] for event in scenario.events("step_retrying")] == [2, 4]


async def test_a_permanent_failure_is_not_retried() -> None:
    def behave(_run: StepRun) -> None:
        raise StepError("wrong", code="wrong")

    BEHAVIOURS["it"] = behave
    result = await DriveScenario(acting(retry={"attempts": 3})).run()
    assert result.error == {"code": "wrong", "message": "wrong", "path": "a"}


async def test_a_long_retry_delay_releases_the_execution_and_attempts_are_counted_on() -> None:
    BEHAVIOURS["it"] = failing(2, retry_after=600)
    scenario = DriveScenario(acting(retry={"attempts": 3}))
    result = await scenario.run()
    assert result.status == "waiting"
    assert result.resume_at == scenario.clock.now() + timedelta(seconds=600)
    assert scenario.store.execution(scenario.id).ready_at == result.resume_at
    assert scenario.store.ready() == ()
    scenario.clock.advance(600)
    assert [execution.id for execution in scenario.store.ready()] == [scenario.id]
    assert (await scenario.run()).status == "waiting"
    scenario.clock.advance(600)
    assert (await scenario.run()).outputs == {"a": 3}


async def test_the_last_attempt_fails_the_step_however_often_the_execution_was_resumed() -> None:
    BEHAVIOURS["it"] = failing(9, retry_after=600)
    scenario = DriveScenario(acting(retry={"attempts": 2}))
    await scenario.run()
    scenario.clock.advance(600)
    result = await scenario.run()
    assert result.status == "failed"
    assert result.error == {"code": "server_error", "message": "busy", "path": "a"}


async def test_an_execution_woken_too_early_keeps_waiting() -> None:
    BEHAVIOURS["it"] = failing(1, retry_after=600)
    scenario = DriveScenario(acting(retry={"attempts": 3}))
    first = await scenario.run()
    scenario.clock.advance(100)
    again = await scenario.run()
    assert (again.status, again.resume_at, again.progressed) == ("waiting", first.resume_at, False)


async def test_independent_steps_run_while_a_step_waits_for_its_retry() -> None:
    BEHAVIOURS["it"] = failing(1, retry_after=600)
    BEHAVIOURS["other"] = lambda _run: "done"
    scenario = DriveScenario(acting(retry={"attempts": 2}), acting(id="b", does="other"))
    assert (await scenario.run()).status == "waiting"
    assert [outcome.path for outcome in scenario.store.outcomes(scenario.id)] == ["b"]


@pytest.mark.parametrize("kind", ["acting", "awaiting"])
async def test_a_step_that_exceeds_its_timeout_is_cancelled(kind: str) -> None:
    BEHAVIOURS["it"] = lambda _run: asyncio.sleep(30)
    result = await DriveScenario(acting(kind, timeout_seconds=0.1)).run()
    assert result.error == {"code": "timeout", "message": "took longer than 0.1 s", "path": "a"}


async def test_the_timeout_holds_for_blocking_code_and_other_steps_run_meanwhile() -> None:
    BEHAVIOURS["it"] = lambda _run: time.sleep(3)
    BEHAVIOURS["other"] = lambda _run: "done"
    scenario = DriveScenario(acting(timeout_seconds=0.2, on_error="continue"), acting(id="b", does="other"))
    begun = time.monotonic()
    result = await scenario.run()
    assert time.monotonic() - begun < 2
    assert result.outputs == {"a": None, "b": "done"}
    assert [event["error"]["code"] for event in scenario.events("step_failed")] == ["timeout"]


async def test_work_left_behind_after_a_timeout_can_start_no_effect() -> None:
    said: list[str] = []

    def behave(run: StepRun) -> None:
        time.sleep(0.5)
        assert run.ports.ledger is not None
        try:
            asyncio.run(
                run.ports.ledger.begin(
                    Intent(key=run.effect_key, path=run.path, target="t", target_class="neither", request_hash="h")
                )
            )
        except StepError as problem:
            said.append(problem.code)

    BEHAVIOURS["it"] = lambda run: asyncio.to_thread(behave, run)
    scenario = DriveScenario(acting("awaiting", timeout_seconds=0.1))
    assert (await scenario.run()).status == "failed"
    await asyncio.sleep(0.8)
    assert said == ["over"]
    assert scenario.store.effects(scenario.id) == ()


async def test_a_stopping_worker_finishes_the_running_step_and_requeues_the_execution() -> None:
    control = DriveControl()

    async def slow() -> str:
        control.stop()
        await asyncio.sleep(0.2)
        return "done"

    BEHAVIOURS["it"] = lambda _run: slow()
    BEHAVIOURS["next"] = lambda _run: "next"
    scenario = DriveScenario(acting("awaiting"), acting("awaiting", id="b", does="next", depends_on=["a"]))
    result = await scenario.run(control)
    assert result.status == "queued"
    assert [outcome.path for outcome in scenario.store.outcomes(scenario.id)] == ["a"]
    assert [execution.id for execution in scenario.store.ready()] == [scenario.id]
    assert (await scenario.run()).outputs == {"a": "done", "b": "next"}


async def test_a_woken_driver_reads_decisions_at_once() -> None:
    control = DriveControl()
    moments: list[float] = []
    looked = MemoryStore.decisions

    class Counting(MemoryStore):
        def decisions(self, execution_id: str) -> Any:
            moments.append(time.monotonic())
            return looked(self, execution_id)

    async def slow() -> str:
        await asyncio.sleep(0.3)
        control.wake()
        heard = time.monotonic()
        await asyncio.sleep(0.3)
        assert any(0 <= moment - heard < 0.2 for moment in moments)
        return "done"

    BEHAVIOURS["it"] = lambda _run: slow()
    scenario = DriveScenario(acting("awaiting"), {"id": "r", "type": "human_review", "title": "ok?"})
    scenario.store.__class__ = Counting
    assert (await scenario.run(control)).status == "waiting"
    assert [outcome.status for outcome in scenario.store.outcomes(scenario.id)] == ["completed"]
