"""G1: a process crashes before and after every operation on the store, the targets, Prefect and the wake-up channel.

A survey of an uninterrupted run finds the points at which the surviving state changes. Crashes that leave the same
state behind are equivalent, so each state is tried once.

`local_scenario` is the process of `--local`, `warm_scenario` the warm worker with a Prefect server in memory. Prefect's
state is not part of the database: the warm worker is tried on the memory store, and in the thorough run on all stores.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbuilder.audit import audit
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers, watched
from tests.support.faults.code_in_this_process import InThisProcess
from tests.support.faults.crash_injection import Crash, CrashInjector, Point, Survey
from tests.support.faults.crash_scenario import CrashScenario, Ending, changes
from tests.support.faults.crash_workflows import SCENARIOS, Scenario
from tests.support.faults.warm_crash_scenario import WarmCrashScenario
from tests.support.proof import THOROUGH, sample

EVERY = {
    "memory": sample(quick=9, ci=1, thorough=1),
    **dict.fromkeys(("sqlite", "postgres"), sample(quick=36, ci=1, thorough=1)),
}
"""Every so manieth distinct point of a scenario is tried, by the kind of store."""
GIVEN_TO_PREFECT = ("reviewed", "paused", "rounds")
"""Scenarios in which no worker receives the wake-up, so that the application resumes the run in Prefect."""


def local_scenario(scenario: Scenario, opener: Callable[[], object], clock: FakeClock, run: str) -> CrashScenario:
    return CrashScenario(scenario, opener, clock, run=run, sandbox=InThisProcess())  # type: ignore[arg-type]


def warm_scenario(scenario: Scenario, opener: Callable[[], object], clock: FakeClock, run: str) -> CrashScenario:
    crash_run = WarmCrashScenario(scenario, opener, clock, run=run, heard=scenario.name not in GIVEN_TO_PREFECT)  # type: ignore[arg-type]
    crash_run.sandbox = InThisProcess()
    return crash_run


NEW_SCENARIOS = [
    pytest.param(
        new_scenario,
        kind,
        marks=[pytest.mark.postgres] if kind == "postgres" else [],
        id=f"{new_scenario.__name__}-{kind}",
    )
    for kind in ("memory", "sqlite", "postgres")
    for new_scenario in (local_scenario, warm_scenario)
    if new_scenario is local_scenario or kind == "memory" or THOROUGH
]


def test_there_are_twelve_scenarios_and_each_has_its_name_once() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == 12


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize(("new_scenario", "kind"), NEW_SCENARIOS, indirect=["kind"])
def test_a_crash_at_any_operation_leads_to_the_same_end(
    scenario: Scenario, new_scenario: Callable[..., CrashScenario], kind: str, openers: Openers
) -> None:
    clock = FakeClock()
    opener = openers(clock)
    if kind != "memory":  # in memory each run starts on an empty store and saves its documents
        new_scenario(scenario, opener, clock, "first").run_process(CrashInjector())
    uninterrupted = new_scenario(scenario, opener, clock, "uninterrupted")
    with watched(opener()) as mark:
        survey = Survey(lambda: (mark(), uninterrupted.surviving_state()))
        uninterrupted.run_process(survey)
    expected = uninterrupted.ending()
    assert expected.status == scenario.status, uninterrupted.execution().error
    assert uninterrupted.violations() == []
    assert len(survey.every) == 2 * len(survey.operations)
    assert len(survey.distinct) > sum(changes(operation) for operation in survey.operations) // 2
    print(f"{len(survey.every)} points, {len(survey.distinct)} states")
    problems: list[str] = []
    for point in list(survey.distinct)[:: EVERY[kind]]:
        if kind == "memory":
            opener = openers(clock)  # an empty store: hundreds of executions would slow it down
        crash_run = new_scenario(scenario, opener, clock, f"run-{point[1]}-{point[0]}")
        assert run_with_crashes(crash_run, point), point
        problems += [
            f"{point[1]} {point[0]} ({survey.operations[point[0] - 1]}): {said}"
            for said in differences(crash_run, expected, audited=kind == "memory")
        ]
        if len(problems) > 3:
            break
    assert problems == []
    store = opener()
    assert [str(finding) for finding in audit(store)] == []


def run_with_crashes(crash_run: CrashScenario, *points: Point) -> bool:
    """Run one process for each crash point, then one to the end; whether all points were reached."""
    for point in points:
        injector = CrashInjector(*point)
        try:
            crash_run.run_process(injector)
        except Crash:
            crash_run.clock.advance(60)  # the lease runs out
        if not injector.dead:
            return False
    crash_run.run_process(CrashInjector())
    return True


def differences(crash_run: CrashScenario, expected: Ending, *, audited: bool = True) -> list[str]:
    """Violations, and how the end differs from that without a crash."""
    found = crash_run.violations(audited=audited)
    ending = crash_run.ending()
    if (crash_run.execution().error or {}).get("code") == "effect_unknown":
        # a reviewer found that the call had been made, and it was not repeated: the only end that may differ
        return found + ([] if ending.applied == expected.applied else [f"applied is {ending.applied!r}"])
    for name in ("status", "outputs", "outcomes", "applied", "page"):
        if getattr(ending, name) != getattr(expected, name):
            found.append(f"{name} is {getattr(ending, name)!r:.200}, expected {getattr(expected, name)!r:.200}")
    return found
