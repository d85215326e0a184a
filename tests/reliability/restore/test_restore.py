"""G13: a backup of any moment can be restored; its executions are resumed to a valid end, and no effect is repeated."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import psycopg
import pytest

from flowbuilder.audit import audit
from flowbuilder.errors import ConfigurationError, LostLease, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.store import open_store, upgrade
from flowbuilder.store.backup import backup, restore
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import TTL, CrashScenario, changes
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.servers.postgres import Server

DRILLS = [(name, point) for name in ("three-targets", "reviewed", "reviewed-items") for point in (6, 9, 12, 15, 18)]


@pytest.mark.parametrize(("name", "point"), DRILLS)
def test_a_restored_backup_is_resumed_to_a_valid_end_and_repeats_no_effect(
    sqlite_url: str, tmp_path: Path, name: str, point: int
) -> None:
    drill(sqlite_url, tmp_path / "backup", name, point)


@pytest.mark.postgres
@pytest.mark.parametrize(("name", "point"), DRILLS[2::5])
def test_a_restored_backup_of_postgresql_is_resumed_to_a_valid_end(
    postgres: Server, postgres_template: str, tmp_path: Path, name: str, point: int
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not on the path")
    with postgres.database(postgres_template) as url:
        drill(url, tmp_path / "backup", name, point)


def drill(url: str, file: Path, name: str, point: int) -> None:
    """Run to a point, back up, run to the end, restore, and run to the end again."""
    clock = FakeClock()
    crash_run = CrashScenario(BY_NAME[name], lambda: open_store(url, clock=clock, durable=False), clock)
    with pytest.raises(Crash):
        crash_run.run_process(CrashInjector(point, "after", counts=changes))
    backup(url, file)
    clock.advance(60)
    crash_run.run_process(CrashInjector())
    first = crash_run.ending()
    assert first.status == "completed"
    crash_run.close_observer()
    assert restore(url, file, replace=True, clock=clock) == 1
    clock.advance(60)
    crash_run.run_process(CrashInjector())
    second = crash_run.ending()
    assert crash_run.violations() == []
    assert second.applied == first.applied
    assert second.page == first.page
    if (crash_run.execution().error or {}).get("code") != "effect_unknown":  # a reviewer found that it had been done
        assert (second.status, second.outputs) == (first.status, first.outputs)


def test_a_worker_from_after_the_backup_writes_nothing_into_the_restored_database(
    sqlite_url: str, tmp_path: Path
) -> None:
    clock = FakeClock()
    crash_run = CrashScenario(BY_NAME["straight"], lambda: open_store(sqlite_url, clock=clock, durable=False), clock)
    with pytest.raises(Crash):
        crash_run.run_process(CrashInjector(6, "after", counts=changes))
    backup(sqlite_url, tmp_path / "backup")
    clock.advance(60)
    store = open_store(sqlite_url, clock=clock, durable=False)
    leases = [store.claim("run", "zombie", TTL) for _ in range(3)]
    store.close()
    restore(sqlite_url, tmp_path / "backup", replace=True, clock=clock)
    store = open_store(sqlite_url, clock=clock, durable=False)
    for _ in range(4):
        store.claim("run", "worker", TTL)
        for lease in leases:
            with pytest.raises(LostLease):
                store.append_events(lease, [NewEvent(type="step_started", path="a")])
    assert audit(store) == ()
    store.close()


def test_a_backup_is_complete_while_others_write(sqlite_url: str, tmp_path: Path) -> None:
    clock = FakeClock()
    crash_run = CrashScenario(
        BY_NAME["reviewed-items"], lambda: open_store(sqlite_url, clock=clock, durable=False), clock
    )

    def watch(operation: str) -> bool:
        if changes(operation) and len(list(tmp_path.glob("copy-*"))) < 10:
            backup(sqlite_url, tmp_path / f"copy-{len(list(tmp_path.glob('copy-*')))}")
        return True

    crash_run.run_process(CrashInjector(counts=watch))
    for copy in tmp_path.glob("copy-*"):
        store = open_store(f"sqlite:///{copy}", clock=clock, durable=False)
        assert audit(store) == ()
        store.close()


def test_an_existing_database_is_not_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    backup(sqlite_url, tmp_path / "backup")
    with pytest.raises(Refused, match="exists already"):
        backup(sqlite_url, tmp_path / "backup")
    with pytest.raises(Refused, match="use --replace"):
        restore(sqlite_url, tmp_path / "backup")
    with pytest.raises(Refused, match="no file"):
        restore(sqlite_url, tmp_path / "nothing", replace=True)
    with pytest.raises(Refused, match="nothing to back up"):
        backup(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path / "other")


def test_a_damaged_backup_is_refused_and_the_database_stays(sqlite_url: str, tmp_path: Path) -> None:
    backup(sqlite_url, tmp_path / "backup")
    with (tmp_path / "backup").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff" * 20_000)
    before = open_store(sqlite_url).install_id()
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(sqlite_url, tmp_path / "backup", replace=True)
    assert open_store(sqlite_url).install_id() == before


def test_a_restore_is_counted_and_keeps_the_installation(sqlite_url: str, tmp_path: Path) -> None:
    backup(sqlite_url, tmp_path / "backup")
    other = f"sqlite:///{tmp_path / 'new home' / 'other.db'}"
    assert restore(other, tmp_path / "backup") == 0
    assert open_store(other).install_id() == open_store(sqlite_url).install_id()
    with sqlite3.connect(tmp_path / "new home" / "other.db") as connection:
        assert connection.execute("SELECT incarnation FROM installation").fetchone() == (1,)
    upgrade(other)


@pytest.mark.postgres
def test_a_postgresql_database_with_tables_is_not_overwritten(
    postgres: Server, postgres_template: str, tmp_path: Path
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not on the path")
    with postgres.database(postgres_template) as url:
        backup(url, tmp_path / "backup")
        with pytest.raises(Refused, match="use --replace"):
            restore(url, tmp_path / "backup")
        with postgres.database() as empty:
            assert restore(empty, tmp_path / "backup") == 0
            with psycopg.connect(empty) as connection:
                assert connection.execute("SELECT incarnation FROM installation").fetchone() == (1,)
