"""G3: a real process is killed with SIGKILL, and another process resumes with the files on the disk."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, get_args

import pytest

from flowbuilder.audit import audit
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock
from tests.reliability.crash.test_crash_points import differences
from tests.support.faults.code_in_this_process import InThisProcess
from tests.support.faults.crash_injection import CrashInjector, When
from tests.support.faults.crash_scenario import CrashScenario, changes
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.proof import THOROUGH, sample

STEP = sample(quick=204, ci=17, thorough=1)
"""A process is killed at every so manieth point; in the thorough run also at those that change nothing."""


def is_kill_point(operation: str) -> bool:
    """Whether an operation is a kill point."""
    return THOROUGH or changes(operation)


class KillInjector(CrashInjector):
    """Kills its process at the point. The state of the targets is saved first, because it survives."""

    def __init__(self, point: int, when: When, save_state: Callable[[], None]) -> None:
        super().__init__(point, when, counts=is_kill_point)
        self._save_state = save_state

    def crash(self, operation: str) -> NoReturn:
        self._save_state()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(operation)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.timeout(0 if THOROUGH else 180)
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_killed_process_loses_no_write_and_repeats_no_effect(
    name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    clock = FakeClock()

    def opener() -> SqlStore:
        return open_store(url, clock=clock, durable=False)

    def new_scenario(run: str) -> CrashScenario:
        return CrashScenario(scenario, opener, clock, run=run, sandbox=InThisProcess())

    scenario = BY_NAME[name]
    new_scenario("first").run_process(CrashInjector())
    uninterrupted = new_scenario("uninterrupted")
    injector = CrashInjector(counts=is_kill_point)
    uninterrupted.run_process(injector)
    expected, problems, killed = uninterrupted.ending(), [], 0
    for point in range(1, len(injector.operations) + 1, STEP):
        for when in get_args(When):
            crash_run = new_scenario(f"run-{point}-{when}")
            killed += kill_at(crash_run, point, when, tmp_path / "state")
            clock.advance(60)
            crash_run.run_process(CrashInjector())
            problems += [
                f"{when} {point} ({injector.operations[point - 1]}): {said}"
                for said in differences(crash_run, expected)
            ]
    assert problems == []
    print(f"{killed} processes killed")
    assert killed == 2 * len(range(1, len(injector.operations) + 1, STEP))
    store = opener()
    assert [str(finding) for finding in audit(store)] == []
    store.close()


def kill_at(crash_run: CrashScenario, point: int, when: When, state_file: Path) -> bool:
    """Run the first process of a scenario as a child; whether it was killed. Loads the state that it saved."""
    state_file.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            crash_run.run_process(
                KillInjector(point, when, lambda: state_file.write_bytes(pickle.dumps(state_of(crash_run))))
            )
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    crash_run.targets, crash_run.requested, crash_run.polls, crash_run.process_count, now = pickle.loads(
        state_file.read_bytes()
    )
    crash_run.clock.advance((now - crash_run.clock.now()).total_seconds())
    return True


def state_of(crash_run: CrashScenario) -> tuple[object, ...]:
    """The state of a scenario that survives a process."""
    return crash_run.targets, crash_run.requested, crash_run.polls, crash_run.process_count, crash_run.clock.now()
