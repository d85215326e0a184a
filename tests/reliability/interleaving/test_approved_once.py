"""An approval to repeat a call authorises one call: a worker that resumes after a crash of that call asks again."""

from __future__ import annotations

import pytest

from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import CrashScenario
from tests.support.faults.crash_workflows import BY_NAME


def test_an_approval_is_used_for_one_call_and_not_for_the_next_after_a_crash(kind: str, openers: Openers) -> None:
    clock = FakeClock()
    crash_run = CrashScenario(BY_NAME["three-targets"], openers(clock), clock)
    with pytest.raises(Crash):
        crash_run.run_process(
            CrashInjector(2, "before", counts=lambda name: name == "service.send")
        )  # the intent is committed, the call not made
    clock.advance(60)
    with pytest.raises(Crash):
        crash_run.run_process(
            CrashInjector(1, "before", counts=lambda name: name == "store.finish_effect")
        )  # approved and called
    assert crash_run.targets.service.applied.count("POST /bare") == 1
    clock.advance(60)
    crash_run.run_process(CrashInjector())
    assert crash_run.targets.service.applied.count("POST /bare") == 1
    assert crash_run.violations() == []
    assert (crash_run.execution().error or {}).get(
        "code"
    ) == "effect_unknown"  # the reviewer found that it had been done


def test_a_rejection_stands_after_later_crashes(kind: str, openers: Openers) -> None:
    clock = FakeClock()
    crash_run = CrashScenario(BY_NAME["three-targets"], openers(clock), clock)
    with pytest.raises(Crash):
        crash_run.run_process(
            CrashInjector(3, "before", counts=lambda name: name == "store.finish_effect")
        )  # the receipt of the call
    clock.advance(60)
    with pytest.raises(Crash):
        crash_run.run_process(
            CrashInjector(2, "after", counts=lambda name: name == "store.begin_effect")
        )  # the review was rejected, then the worker crashed
    clock.advance(60)
    crash_run.run_process(CrashInjector())
    assert (crash_run.execution().error or {}).get("code") == "effect_unknown"
    opened = [event.path for event in crash_run.events() if event.type == "review_opened"]
    assert opened == ["bare"]
    assert crash_run.violations() == []
