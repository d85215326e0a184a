"""G18: a clock that is set an hour forward or back at any moment may delay an execution, and changes no outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, changes
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.proof import sample

EVERY = {"memory": sample(quick=3, ci=1, thorough=1), "sqlite": sample(quick=16, ci=4, thorough=4)}
"""The clock is set after every so manieth write, by the kind of store."""


class SteppedClock(FakeClock):
    """A clock that can be set."""

    def step(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class ClockStepInjector(CrashInjector):
    """Sets the clock after one operation."""

    def __init__(self, clock: SteppedClock, point: int, seconds: float) -> None:
        super().__init__(counts=changes)
        self._clock, self._at, self._seconds = clock, point, seconds

    def after(self, operation: str, number: int) -> None:
        if number == self._at:
            self._clock.step(self._seconds)


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
@pytest.mark.parametrize("name", ["three-targets", "reviewed", "busy"])
def test_a_clock_that_is_set_changes_no_outcome(name: str, seconds: float, kind: str, openers: Openers) -> None:
    clock = SteppedClock()
    opener = openers(clock)
    scenario = BY_NAME[name]
    uninterrupted, injector = CrashScenario(scenario, opener, clock), CrashInjector(counts=changes)
    uninterrupted.run_process(injector)
    expected, problems = uninterrupted.ending(), []
    assert expected.status == "completed"
    for point in range(1, len(injector.operations) + 1, EVERY[kind]):
        crash_run = CrashScenario(scenario, opener, clock, run=f"run-{point}")
        crash_run.run_process(ClockStepInjector(clock, point, seconds))
        ending = crash_run.ending()
        problems += [f"at {point} ({injector.operations[point - 1]}): {said}" for said in crash_run.violations()]
        if ending != expected:
            problems.append(f"at {point} ({injector.operations[point - 1]}): {ending}")
    assert problems == []


def test_a_review_does_not_expire_early_by_more_than_the_step(kind: str, openers: Openers) -> None:
    clock = SteppedClock()
    crash_run = CrashScenario(BY_NAME["unanswered"], openers(clock), clock)
    crash_run.run_process(ClockStepInjector(clock, 6, -3600.0))
    assert crash_run.ending().status == "completed"
    assert crash_run.violations() == []
