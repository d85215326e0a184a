"""T3: the process is really killed, with SIGKILL, and another process goes on with what is on the disk."""

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
from tests.reliability.crash.test_crash_points import wrong
from tests.support.code_in_this_process import InThisProcess
from tests.support.crash_injection import CrashInjector, When
from tests.support.crash_scenario import CrashScenario, changes
from tests.support.crash_workflows import BY_NAME
from tests.support.proof import THOROUGH, sample

STEP = sample(quick=51, ci=17, thorough=1)
"""Every how manieth point a process is killed at; in the thorough run also at those that change nothing."""


def counted(operation: str) -> bool:
    """Whether an operation is one to be killed at."""
    return THOROUGH or changes(operation)


class KillBox(CrashInjector):
    """Ends the whole process at its point. The world outside is written down first, because it survives."""

    def __init__(self, point: int, when: When, remember: Callable[[], None]) -> None:
        super().__init__(point, when, counts=counted)
        self._remember = remember

    def die(self, operation: str) -> NoReturn:
        self._remember()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(operation)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.timeout(0 if THOROUGH else 180)
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_killed_process_loses_nothing_and_repeats_nothing(
    name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    clock = FakeClock()

    def opener() -> SqlStore:
        return open_store(url, clock=clock, durable=False)

    def staged(run: str) -> CrashScenario:
        return CrashScenario(scenario, opener, clock, run=run, sandbox=InThisProcess())

    scenario = BY_NAME[name]
    staged("first").live(CrashInjector())
    whole = staged("whole")
    injector = CrashInjector(counts=counted)
    whole.live(injector)
    expected, problems, killed = whole.ending(), [], 0
    for point in range(1, len(injector.operations) + 1, STEP):
        for when in get_args(When):
            crash_run = staged(f"run-{point}-{when}")
            killed += killed_at(crash_run, point, when, tmp_path / "world")
            clock.advance(60)
            crash_run.live(CrashInjector())
            problems += [
                f"{when} {point} ({injector.operations[point - 1]}): {said}" for said in wrong(crash_run, expected)
            ]
    assert problems == []
    print(f"{killed} processes killed")
    assert killed == 2 * len(range(1, len(injector.operations) + 1, STEP))
    store = opener()
    assert [str(finding) for finding in audit(store)] == []
    store.close()


def killed_at(crash_run: CrashScenario, point: int, when: When, world: Path) -> bool:
    """Run the first life in a process of its own; whether it was killed. The stage knows the world that it left."""
    world.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            crash_run.live(KillBox(point, when, lambda: world.write_bytes(pickle.dumps(memory_of(crash_run)))))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    crash_run.targets, crash_run.asked, crash_run.looks, crash_run.lives, now = pickle.loads(world.read_bytes())
    crash_run.clock.advance((now - crash_run.clock.now()).total_seconds())
    return True


def memory_of(crash_run: CrashScenario) -> tuple[object, ...]:
    """What of a stage is no part of the process."""
    return crash_run.targets, crash_run.asked, crash_run.looks, crash_run.lives, crash_run.clock.now()
