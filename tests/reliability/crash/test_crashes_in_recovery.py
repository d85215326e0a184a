"""G2: the process that resumes after a crash crashes too, at every point; the third process reaches the same end.

The recovery from each distinct state is surveyed in turn. The thorough run tries every pair of points in memory, also
those with equal states, and the pairs of distinct states on SQLite; by default it tries a sample of these.
"""

from __future__ import annotations

import pytest

from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers, watched
from tests.reliability.crash.test_crash_points import differences, run_with_crashes
from tests.support.faults.crash_injection import Crash, CrashInjector, Point, Survey
from tests.support.faults.crash_scenario import CrashScenario, Ending, Opener
from tests.support.faults.crash_workflows import BY_NAME, Scenario
from tests.support.proof import THOROUGH, sample

STEP = sample(quick=44, ci=11, thorough=1)
"""Every so manieth pair is tried."""
NAMES = ("reviewed", "three-targets", "busy")


@pytest.fixture(params=["memory", "sqlite"] if THOROUGH else ["memory"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    found: str = request.param
    return found


@pytest.mark.timeout(0 if THOROUGH else 180)
@pytest.mark.parametrize("name", NAMES)
def test_a_crash_in_the_recovery_from_a_crash_changes_nothing(name: str, kind: str, openers: Openers) -> None:
    scenario, clock = BY_NAME[name], FakeClock()
    opener = openers(clock)
    if kind == "sqlite":  # in memory each run starts on an empty store and saves its documents
        CrashScenario(scenario, opener, clock, run="first").run_process(CrashInjector())
    uninterrupted = CrashScenario(scenario, opener, clock, run="uninterrupted")
    survey = surveyed(uninterrupted, opener)
    expected = uninterrupted.ending()
    pairs, covered = all_pairs(scenario, openers, survey, every=THOROUGH and kind == "memory")
    problems: list[str] = []
    chosen = pairs[::STEP]
    for number, pair in enumerate(chosen):
        if kind == "memory" or number % 200 == 0:
            opener = openers(clock)
        problems += failures(CrashScenario(scenario, opener, clock, run=f"run-{number}"), pair, expected)
        if len(problems) > 3:
            break
    print(f"{covered} pairs of points, {len(pairs)} of them distinct, {len(chosen)} tried")
    assert problems == []
    assert covered > 3_000
    assert len(chosen) > sample(quick=3, ci=15, thorough=15)


def surveyed(crash_run: CrashScenario, opener: Opener) -> Survey:
    """The survey of a process that runs to the end."""
    with watched(opener()) as mark:
        survey = Survey(lambda: (mark(), crash_run.surviving_state()))
        crash_run.run_process(survey)
    return survey


def all_pairs(
    scenario: Scenario, openers: Openers, first: Survey, *, every: bool
) -> tuple[list[tuple[Point, Point]], int]:
    """The pairs to try, and how many pairs of points they represent."""
    pairs: list[tuple[Point, Point]] = []
    covered = 0
    recoveries: dict[Point, Survey] = {}
    for point, same in first.every:
        if same not in recoveries:
            clock = FakeClock()
            opener = openers(clock)
            crash_run = CrashScenario(scenario, opener, clock, run=f"{same[1]}-{same[0]}")
            with pytest.raises(Crash):
                crash_run.run_process(CrashInjector(*same))
            clock.advance(60)
            recoveries[same] = surveyed(crash_run, opener)
        second = recoveries[same]
        covered += len(second.every)
        if every:
            pairs += [(point, again) for again, _ in second.every]
        elif point == same:
            pairs += [(point, again) for again in second.distinct]
    return pairs, covered


def failures(crash_run: CrashScenario, pair: tuple[Point, Point], expected: Ending) -> list[str]:
    """The differences between the ends with and without the two crashes."""
    if not run_with_crashes(crash_run, *pair):
        return [f"{pair}: there were not two crashes"]
    return [f"{pair}: {said}" for said in differences(crash_run, expected)]
