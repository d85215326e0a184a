"""T1: a process dies before and after every operation on the store, the targets, Prefect and the wake-up.

A survey of the whole run says at which of these points what survives is not what it was at the point before. To die at
two points with the same world is the same death, so each world is left behind once.

`simple` is the process of `--local`, `warm` the warm worker, with a Prefect server in memory. What Prefect holds is no
part of a database: by default the warm worker's points are tried on the store in memory, and the thorough run tries
them on all.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbuilder.audit import audit
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers, watched
from tests.support.code_in_this_process import InThisProcess
from tests.support.crash_injection import Crash, CrashInjector, Point, Survey
from tests.support.crash_scenario import CrashScenario, Ending, changes
from tests.support.crash_workflows import SCENARIOS, Scenario
from tests.support.proof import THOROUGH, sample
from tests.support.warm_crash_scenario import WarmCrashScenario

EVERY = sample(quick=4, ci=1, thorough=1)
"""One of how many distinct points of a scenario is tried on a database; in memory every one is."""
GIVEN_TO_PREFECT = ("reviewed", "paused", "rounds")
"""Where no worker hears the wake-up, so that Prefect is told to resume."""


def simple(scenario: Scenario, opener: Callable[[], object], clock: FakeClock, run: str) -> CrashScenario:
    return CrashScenario(scenario, opener, clock, run=run, sandbox=InThisProcess())  # type: ignore[arg-type]


def warm(scenario: Scenario, opener: Callable[[], object], clock: FakeClock, run: str) -> CrashScenario:
    crash_run = WarmCrashScenario(scenario, opener, clock, run=run, heard=scenario.name not in GIVEN_TO_PREFECT)  # type: ignore[arg-type]
    crash_run.sandbox = InThisProcess()
    return crash_run


STAGED = [
    pytest.param(
        staged, kind, marks=[pytest.mark.postgres] if kind == "postgres" else [], id=f"{staged.__name__}-{kind}"
    )
    for kind in ("memory", "sqlite", "postgres")
    for staged in (simple, warm)
    if staged is simple or kind == "memory" or THOROUGH
]


def test_there_are_twelve_scenarios_and_each_has_its_name_once() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == 12


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize(("staged", "kind"), STAGED, indirect=["kind"])
def test_whatever_operation_a_process_dies_at_the_next_one_brings_it_to_the_same_end(
    scenario: Scenario, staged: Callable[..., CrashScenario], kind: str, openers: Openers
) -> None:
    clock = FakeClock()
    opener = openers(clock)
    if kind != "memory":  # there each process begins with nothing, and has to store its documents first
        staged(scenario, opener, clock, "first").live(CrashInjector())
    whole = staged(scenario, opener, clock, "whole")
    with watched(opener()) as mark:
        survey = Survey(lambda: (mark(), whole.world()))
        whole.live(survey)
    expected = whole.ending()
    assert expected.status == scenario.status, whole.execution().error
    assert whole.complaints() == []
    assert len(survey.every) == 2 * len(survey.operations)
    assert len(survey.distinct) > sum(changes(operation) for operation in survey.operations) // 2
    print(f"{len(survey.every)} points, {len(survey.distinct)} worlds")
    problems: list[str] = []
    for point in list(survey.distinct)[:: 1 if kind == "memory" else EVERY]:
        if kind == "memory":
            opener = openers(clock)  # what hundreds of lives leave behind would only be in the way
        crash_run = staged(scenario, opener, clock, f"run-{point[1]}-{point[0]}")
        assert dies(crash_run, point), point
        problems += [
            f"{point[1]} {point[0]} ({survey.operations[point[0] - 1]}): {said}"
            for said in wrong(crash_run, expected, audited=kind == "memory")
        ]
        if len(problems) > 3:
            break
    assert problems == []
    store = opener()
    assert [str(finding) for finding in audit(store)] == []


def dies(crash_run: CrashScenario, *points: Point) -> bool:
    """Live until the crash, and the next life until the next, then until the end; whether there were as many."""
    for point in points:
        injector = CrashInjector(*point)
        try:
            crash_run.live(injector)
        except Crash:
            crash_run.clock.advance(60)  # the lease runs out
        if not injector.dead:
            return False
    crash_run.live(CrashInjector())
    return True


def wrong(crash_run: CrashScenario, expected: Ending, *, audited: bool = True) -> list[str]:
    """What is not as it would be without the crash."""
    found = crash_run.complaints(audited=audited)
    ending = crash_run.ending()
    if (crash_run.execution().error or {}).get("code") == "effect_unknown":
        # a person found that the call had been made, and it was not repeated: the one end that may differ
        return found + ([] if ending.applied == expected.applied else [f"applied is {ending.applied!r}"])
    for name in ("status", "outputs", "outcomes", "applied", "page"):
        if getattr(ending, name) != getattr(expected, name):
            found.append(f"{name} is {getattr(ending, name)!r:.200}, expected {getattr(expected, name)!r:.200}")
    return found
