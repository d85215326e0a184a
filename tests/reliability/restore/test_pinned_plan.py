"""An execution is resumed with the plan that it started with, or not at all."""

import asyncio
from dataclasses import replace

from flowbuilder.engine.runner import run_execution
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import TTL, CrashScenario
from tests.support.faults.crash_workflows import BY_NAME


def test_an_execution_whose_version_compiles_to_another_plan_now_fails_and_runs_no_step() -> None:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    crash_run = CrashScenario(BY_NAME["straight"], lambda: store, clock)
    crash_run.run_process(CrashInjector())
    began = store.execution("run")
    store.create_execution(
        replace(began, id="other", digest="0" * 64, status="queued", holder=None, lease_until=None, ended_at=None)
    )
    settled = asyncio.run(run_execution(store, "other", holder="w", ttl=TTL, ports=fake_ports(clock=clock)))
    assert settled.status == "failed"
    assert (settled.error or {})["code"] == "plan_changed"
    assert store.outcomes("other") == ()
