"""A disk that is full, nearly full or read-only: no step starts, no write is lost, and executions resume later."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from flowbuilder.audit import audit, audit_rows
from flowbuilder.errors import Unavailable
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.store import SqlStore, lack_of_disk_space, open_store
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, Ending
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.faults.full_disk import Disk, small_disk
from tests.support.store_contract import TTL, StoreHarness

ENOUGH = 200_000
DONE = [NewEvent(type="step_completed", path="a")]


@pytest.fixture
def disk(tmp_path: Path, sqlite_template: Path) -> Iterator[Disk]:
    """A disk of a megabyte with a database on it."""
    with small_disk(tmp_path / "disk") as mounted:
        shutil.copyfile(sqlite_template, mounted.place / "flowbuilder.db")
        yield mounted


def opened(disk: Disk, clock: FakeClock, **options: Any) -> SqlStore:
    return open_store(f"sqlite:///{disk.place / 'flowbuilder.db'}", clock=clock, retry_seconds=0.2, **options)


def begin(store: SqlStore, lease: Any, key: str) -> None:
    store.begin_effect(lease, Intent(key=key, path="publish", target="cms", target_class="lookup", request_hash="h"))


def test_with_little_space_no_step_starts_and_running_steps_finish(disk: Disk) -> None:
    clock = FakeClock()
    with contextlib.closing(opened(disk, clock, least_free=ENOUGH)) as store:
        harness = StoreHarness(store, clock)
        lease = harness.claim("running")
        harness.create_execution("next")
        disk.fill(leave=ENOUGH // 2)
        with pytest.raises(
            Unavailable, match=r"only 0\.1 MB are free where .* and 0\.2 MB are needed; no new work starts"
        ):
            store.claim("next", "worker-2", TTL)
        with pytest.raises(Unavailable, match="no new work starts"):
            begin(store, lease, "k" * 40)
        store.record_outcome(lease, Outcome(path="a", status="completed"), DONE)
        store.settle(lease, "waiting", events=[])
        assert lack_of_disk_space(f"sqlite:///{disk.place / 'flowbuilder.db'}", ENOUGH)
        disk.empty()
        assert not lack_of_disk_space(f"sqlite:///{disk.place / 'flowbuilder.db'}", ENOUGH)
        begin(store, store.claim("next", "worker-2", TTL), "k" * 40)
        assert [effect.key for effect in store.effects("next")] == ["k" * 40]
        assert [str(finding) for finding in audit_rows(store)] == []


def test_a_disk_that_fills_up_loses_no_write_and_repeats_no_effect(disk: Disk) -> None:
    scenario, clock = BY_NAME["three-targets"], FakeClock()
    with contextlib.closing(opened(disk, clock, least_free=0)) as store:

        def open_again() -> SqlStore:
            return SqlStore(store.database)

        uninterrupted = CrashScenario(scenario, open_again, clock, run="uninterrupted")
        with each_statement(store, lambda _: None) as counted:
            uninterrupted.run_process(CrashInjector())
        calls = counted.number
        expected, refused, problems = uninterrupted.ending(), 0, []
        for point in range(1, calls + 1, max(calls // 12, 1)):
            crash_run = CrashScenario(scenario, open_again, clock, run=f"run-{point}")
            with each_statement(store, lambda number, point=point: disk.fill() if number == point else None):
                try:
                    crash_run.run_process(CrashInjector())
                except Unavailable:
                    refused += 1
            disk.empty()
            clock.advance(60)
            crash_run.run_process(CrashInjector())
            problems += [f"at {point}: {said}" for said in differences(crash_run, expected)]
            store.database.engine.dispose()  # restart the log: a write that fits into it would succeed on a full disk
        assert problems == []
        assert refused > 3
        assert [str(finding) for finding in audit(store)] == []


class Counted:
    """The number of statements."""

    number = 0


@contextlib.contextmanager
def each_statement(store: SqlStore, act: Any) -> Iterator[Counted]:
    """Call `act` before each statement, with its number."""
    counted = Counted()

    def before(*_: Any) -> None:
        counted.number += 1
        act(counted.number)

    event.listen(store.database.engine, "do_execute", before)
    try:
        yield counted
    finally:
        event.remove(store.database.engine, "do_execute", before)


def differences(crash_run: CrashScenario, expected: Ending) -> list[str]:
    """The differences between the end and the expected one; giving up on an effect in doubt is correct too."""
    found, ending = crash_run.violations(), crash_run.ending()
    if (crash_run.execution().error or {}).get("code") == "effect_unknown" and ending.applied == expected.applied:
        return found
    return found + ([] if ending == expected else [f"ended as {ending}, expected {expected}"])


def test_a_read_only_disk_is_reported_in_one_line(disk: Disk, tmp_path: Path) -> None:
    disk.read_only()
    url = f"sqlite:///{disk.place / 'flowbuilder.db'}"
    with pytest.raises(Unavailable, match=r"flowbuilder\.db .*(readonly|unable to open)"):
        open_store(url, retry_seconds=0.2)
    given = {**os.environ, "FLOWBUILDER_HOME": str(tmp_path / "home"), "FLOWBUILDER_DATABASE_URL": url}
    command = [str(Path(sys.executable).parent / "flowbuilder"), "executions"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_database_stops_writes_and_a_larger_quota_resumes_them(sqlite_url: str) -> None:
    clock = FakeClock()
    with contextlib.closing(open_store(sqlite_url, clock=clock, durable=False, retry_seconds=0.2)) as store:
        harness = StoreHarness(store, clock)
        lease = harness.claim("running")
        large = Outcome(path="a", status="completed", output="x" * 300_000)
        with quota(store):
            with pytest.raises(Unavailable, match="cannot be written: database or disk is full"):
                store.record_outcome(lease, large, DONE)
            assert store.outcomes("running") == ()
        store.record_outcome(lease, large, DONE)
        assert [str(finding) for finding in audit_rows(store)] == []


@contextlib.contextmanager
def quota(store: SqlStore) -> Iterator[None]:
    """Limit the database to its current size, on all connections."""
    engine = store.database.engine

    def limit(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count=1")  # SQLite raises it to the current size

    def unlimited(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count=1073741823")

    engine.dispose()
    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limit)
        event.listen(engine, "checkout", unlimited)
