"""G18: a worker whose clock is five minutes wrong is neither early nor late: waits are judged by the store's clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from flowbuilder.app import App
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.model.execution import Execution
from flowbuilder.settings import Settings
from flowbuilder.testing import FakeClock, fake_ports
from tests.reliability.conftest import Openers
from tests.support.faults.crash_scenario import TTL
from tests.support.faults.crash_workflows import SITE, Scenario, put
from tests.support.faults.deterministic_scheduling import deterministic_scheduling
from tests.support.faults.effect_targets import Service

SCENARIO = Scenario(
    name="busy-once",
    steps=[put("keyed", retry={"attempts": 3, "backoff": "constant"})],
    failures={"/keyed": 1},
    outputs={"keyed": "{{ steps.keyed.output.body.revision }}"},
)


@pytest.mark.parametrize("skew", [-300.0, 300.0])
def test_a_wait_of_two_minutes_lasts_two_minutes_by_the_stores_clock(skew: float, kind: str, openers: Openers) -> None:
    clock = FakeClock()
    store = openers(clock)()
    service = Service(failures=dict(SCENARIO.failures))
    store.save_site(str(SITE["site"]), SITE)
    version = App(store, None, Settings()).push(SCENARIO.document())  # type: ignore[arg-type]
    create_execution(store, clock, execution_id="run", version=version, inputs={}, site=str(SITE["site"]))

    def run_again() -> Execution:
        """Run the execution in a worker whose clock is wrong."""
        wrong = FakeClock(clock.now() + timedelta(seconds=skew))
        ports = fake_ports(clock=wrong, http=service)  # type: ignore[arg-type]
        with deterministic_scheduling():
            asyncio.run(run_execution(store, "run", holder="w", ttl=TTL, ports=ports))
        return store.execution("run")

    waiting = run_again()  # the answer is 429, Retry-After: 120
    assert waiting.status == "waiting"
    assert waiting.ready_at is not None
    assert abs((waiting.ready_at - clock.now()).total_seconds() - 120) <= 1
    clock.advance(118)
    assert store.ready() == ()
    assert run_again().status == "waiting"  # woken early, it does not call
    assert service.calls == []
    clock.advance(3)
    assert [execution.id for execution in store.ready()] == ["run"]
    assert run_again().status == "completed"
    assert service.applied == ["PUT /keyed"]
