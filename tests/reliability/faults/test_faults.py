"""G4: no error of the database at any moment makes a step fail, loses a write or repeats an effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import get_args

import pytest

from flowbuilder.audit import audit
from flowbuilder.errors import Unavailable
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, Ending
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.faults.database_faults import Faults, Kind
from tests.support.proof import sample

POINTS = sample(quick=2, ci=12, thorough=None)
"""At how many of a scenario's calls an error is injected; None: at each."""
LIVES = 8


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def opened(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    """A store with a short retry time, so that lasting errors do not delay the test."""
    url = request.getfixturevalue(f"{request.param}_url")
    with contextlib.closing(open_store(url, clock=FakeClock(), durable=False, retry_seconds=0.3)) as store:
        yield store


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_database_error_changes_no_outcome(opened: SqlStore, kind: Kind, persistent: bool) -> None:
    scenario, clock = BY_NAME["three-targets"], FakeClock()
    database = opened.database
    database._clock = clock

    def open_again() -> SqlStore:
        return SqlStore(database)

    CrashScenario(scenario, open_again, clock, run="first").run_process(CrashInjector())
    uninterrupted = CrashScenario(scenario, open_again, clock)
    counting = Faults(opened, kind)
    with counting.injected():
        uninterrupted.run_process(CrashInjector())
    expected = uninterrupted.ending()
    step = 1 if POINTS is None else max(1, counting.calls // POINTS)
    problems = []
    for point in range(1, counting.calls + 1, step):
        crash_run = CrashScenario(scenario, open_again, clock, run=f"run-{point}")
        faults = Faults(opened, kind, point=point, persistent=persistent)
        with faults.injected():
            until_it_ends(crash_run, faults)
        assert faults.fired, point
        problems += [f"{kind} at {point}: {said}" for said in differences(crash_run, expected)]
    assert problems == []
    assert [str(finding) for finding in audit(opened)] == []


def until_it_ends(crash_run: CrashScenario, faults: Faults) -> None:
    """Run one process after another; a lasting error is repaired after the first one has given up."""
    for _ in range(LIVES):
        with contextlib.suppress(Unavailable):
            crash_run.run_process(CrashInjector())
            return
        faults.healed = faults.persistent
        crash_run.clock.advance(60)
    raise AssertionError("it does not end")


def differences(crash_run: CrashScenario, expected: Ending) -> list[str]:
    found = crash_run.violations()
    ending = crash_run.ending()
    if (crash_run.execution().error or {}).get("code") == "effect_unknown" and ending.applied == expected.applied:
        return found
    return found + ([] if ending == expected else [f"ended as {ending}, expected {expected}"])


def test_an_outcome_whose_commit_was_not_acknowledged_is_recorded_once(opened: SqlStore) -> None:
    scenario, clock = BY_NAME["straight"], FakeClock()
    opened.database._clock = clock
    crash_run = CrashScenario(scenario, lambda: SqlStore(opened.database), clock)
    counting = Faults(opened, "commit unheard")
    with counting.injected():
        crash_run.run_process(CrashInjector())
    faults = Faults(opened, "commit unheard", point=counting.calls // 2)
    again = CrashScenario(scenario, lambda: SqlStore(opened.database), clock, run="again")
    with faults.injected():
        again.run_process(CrashInjector())
    assert faults.fired == 1
    assert again.process_count == 1
    assert again.ending() == crash_run.ending()
