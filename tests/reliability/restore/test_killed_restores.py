"""A process that restores is killed at every statement; what is left is the old database or the new one, whole."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import pytest

from flowbuilder.audit import audit
from flowbuilder.errors import ConfigurationError, FlowbuilderError, Refused
from flowbuilder.store import backup as backup_module
from flowbuilder.store import current, newest, open_store, postgres_backup, sqlite_backup, upgrade
from flowbuilder.store.backup import backup, restore
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, changes
from tests.support.faults.crash_workflows import BY_NAME
from tests.support.proof import sample
from tests.support.servers.postgres import Server

EVERY = sample(quick=20, ci=3, thorough=1)
"""A process is killed before every so manieth line."""
POSTGRES_KILLS = sample(quick=3, ci=20, thorough=200)
MODULES = {module.__file__ for module in (backup_module, sqlite_backup, postgres_backup)}


class LineCounter:
    """Counts the lines that restore executes; kills the process before the line with the number `last`."""

    def __init__(self, last: int = 0) -> None:
        self.count, self._last = 0, last

    def __call__(self, frame: FrameType, kind: str, _: Any) -> LineCounter | None:
        if frame.f_code.co_filename not in MODULES:
            return None
        if kind == "line":
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def traced(counter: LineCounter, work: Callable[[], Any]) -> None:
    sys.settrace(counter)
    try:
        work()
    finally:
        sys.settrace(None)


def killed_at(line: int, work: Callable[[], Any]) -> None:
    """Do this work in a process that is killed before its line of that number."""
    child = os.fork()
    if child == 0:
        try:
            traced(LineCounter(line), work)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def prepare(url: str, file: Path, clock: FakeClock) -> None:
    """A database with an execution that was backed up half-way and then completed."""
    scenario = CrashScenario(BY_NAME["three-targets"], lambda: open_store(url, clock=clock, durable=False), clock)
    with pytest.raises(Crash):
        scenario.run_process(CrashInjector(9, "after", counts=changes))
    backup(url, file)
    clock.advance(60)
    scenario.run_process(CrashInjector())
    assert scenario.ending().status == "completed"
    scenario.close_observer()


def state(url: str, clock: FakeClock) -> str:
    """`old` or `new`: the database is whole, and a new one is marked as restored."""
    store = open_store(url, clock=clock, durable=False)
    try:
        assert audit(store) == ()
        execution = store.execution("run")
        if execution.status == "completed":
            return "old"
        assert (execution.status, execution.holder) == ("queued", None)
        assert execution.epoch > 1_000_000
        return "new"
    finally:
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.timeout(0 if EVERY == 1 else 180)
def test_a_killed_restore_leaves_the_old_database_or_the_new_one(sqlite_url: str, tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "backup"
    prepare(sqlite_url, file, clock)
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    kept = tmp_path / "kept"
    kept.mkdir()
    leave_a_log(place)
    for path in place.parent.glob(place.name + "*"):
        shutil.copy2(path, kept)
    counter = LineCounter()
    traced(counter, lambda: restore(sqlite_url, file, replace=True, clock=clock))
    seen = set()
    for line in range(1, counter.count + 1, EVERY):
        for path in [*place.parent.glob(place.name + "*")]:
            path.unlink()
        for path in kept.iterdir():
            shutil.copy2(path, place.parent)
        killed_at(line, lambda: restore(sqlite_url, file, replace=True, clock=clock))
        assert place.exists(), line
        seen.add(found := state(sqlite_url, clock))
        if found == "old":
            with closing(sqlite3.connect(place)) as connection, connection:
                assert connection.execute("SELECT n FROM in_the_log").fetchone() == (7,), line
        assert restore(sqlite_url, file, replace=True, clock=clock) == 1
        assert state(sqlite_url, clock) == "new"
        left = {path.name for path in place.parent.glob(place.name + "*")}
        assert left <= {place.name, place.name + "-users"}, line
    assert seen == {"old", "new"}


def leave_a_log(place: Path) -> None:
    """Commit something that is only in the database's log, and kill the process that did it."""
    child = os.fork()
    if child == 0:
        connection = sqlite_backup.library()[0].connect(place, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE in_the_log (n INTEGER)")
        connection.execute("INSERT INTO in_the_log VALUES (7)")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert place.with_name(place.name + "-wal").stat().st_size > 0


@pytest.mark.postgres
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.timeout(0 if EVERY == 1 else 180)
def test_a_killed_restore_of_postgresql_leaves_the_old_database_or_the_new_one(
    postgres: Server, postgres_template: str, tmp_path: Path
) -> None:
    if shutil.which("pg_restore") is None:
        pytest.skip("PostgreSQL's client programs are not on the path")
    with postgres.database(postgres_template) as url:
        clock, file = FakeClock(), tmp_path / "backup"
        prepare(url, file, clock)
        backup(url, tmp_path / "old")
        counter = LineCounter()
        traced(counter, lambda: restore(url, file, replace=True, clock=clock))
        assert state(url, clock) == "new"
        seen = set()
        sampled = range(1, counter.count, max(1, counter.count // POSTGRES_KILLS))
        for line in (*sampled, counter.count):  # the last line is after the commit
            put_back(url, tmp_path / "old")
            assert state(url, clock) == "old"
            killed_at(line, lambda: restore(url, file, replace=True, clock=clock))
            seen.add(state(url, clock))
        assert seen == {"old", "new"}


def put_back(url: str, file: Path) -> None:
    """The database as it was backed up, without the marks of a restore."""
    postgres_backup.restore(url, file, lambda _: 0, replace=True, clock=None)


def not_a_database(file: Path) -> None:
    file.write_text("name: my workflow\n" * 100)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def only_a_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5000])


def truncated_at_a_page(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 4096 * 10])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(4096 * 3, len(content), 4096):
        content[place : place + 64] = b"\xff" * 64
    file.write_bytes(bytes(content))


def another_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE customers (name TEXT)")


def of_a_newer_release(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE flowbuilder_schema SET version_num = '9999'")


def of_a_newer_generation(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE installation SET min_code = 99")


def of_postgresql(file: Path) -> None:
    file.write_bytes(b"PGDMP\x01\x0e\x00" + b"\0" * 2000)


BAD: dict[Callable[[Path], None], str] = {
    not_a_database: "not a SQLite database",
    empty: "is empty",
    only_a_header: "is damaged: it has 60 of",
    truncated: "is damaged: it has .* of",
    truncated_at_a_page: "is damaged: it has .* of",
    flipped: "is damaged",
    another_database: "not a backup of flowbuilder",
    of_a_newer_release: "newer flowbuilder",
    of_a_newer_generation: "newer flowbuilder",
    of_postgresql: "backup of a PostgreSQL database",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("exists", [True, False], ids=["replace", "new"])
def test_a_file_that_is_no_good_backup_is_refused_before_anything_is_touched(
    sqlite_url: str, tmp_path: Path, spoil: Callable[[Path], None], exists: bool
) -> None:
    file = tmp_path / "files/backup"
    file.parent.mkdir()
    backup(sqlite_url, file)
    spoil(file)
    url = sqlite_url if exists else f"sqlite:///{tmp_path / 'new.db'}"
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match=BAD[spoil]):
        restore(url, file, replace=True)
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-users" not in path.name}


def test_a_folder_or_an_unreadable_file_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no file"):
        restore(sqlite_url, tmp_path, replace=True)
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    with pytest.raises(Refused, match="the database itself"):
        restore(sqlite_url, place, replace=True)


def test_a_database_in_use_is_not_replaced(sqlite_url: str, tmp_path: Path) -> None:
    backup(sqlite_url, tmp_path / "backup")
    store = open_store(sqlite_url)
    store.install_id()
    with pytest.raises(Refused, match="in use"):
        restore(sqlite_url, tmp_path / "backup", replace=True)
    store.close()
    assert restore(sqlite_url, tmp_path / "backup", replace=True) == 0


def test_a_damaged_database_can_be_replaced(sqlite_url: str, tmp_path: Path) -> None:
    backup(sqlite_url, tmp_path / "backup")
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    place.write_bytes(b"\xff" * 100_000)
    place.with_name(place.name + "-wal").write_bytes(b"\xff" * 10_000)
    assert restore(sqlite_url, tmp_path / "backup", replace=True) == 0
    store = open_store(sqlite_url)
    assert audit(store) == ()
    store.close()


def test_a_copy_with_a_log_beside_it_is_restored_with_what_is_in_the_log(sqlite_url: str, tmp_path: Path) -> None:
    place = Path(sqlite_url.removeprefix("sqlite:///"))
    leave_a_log(place)
    (tmp_path / "copy").mkdir()
    for path in place.parent.glob(place.name + "*"):
        shutil.copy2(path, tmp_path / "copy")
    restore(f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "copy" / place.name)
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection, connection:
        assert connection.execute("SELECT n FROM in_the_log").fetchone() == (7,)


def test_a_full_disk_leaves_the_old_database(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup(sqlite_url, tmp_path / "backup")
    before = open_store(sqlite_url)
    installed = before.install_id()
    before.close()

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite_backup, "sync", full)
    with pytest.raises(FlowbuilderError, match="No space left on device"):
        restore(sqlite_url, tmp_path / "backup", replace=True)
    store = open_store(sqlite_url)
    assert store.install_id() == installed
    store.close()
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.postgres
def test_bad_files_leave_a_postgresql_database_as_it_is(
    postgres: Server, postgres_template: str, tmp_path: Path, sqlite_url: str
) -> None:
    if shutil.which("pg_restore") is None:
        pytest.skip("PostgreSQL's client programs are not on the path")
    with postgres.database(postgres_template) as url:
        good = tmp_path / "good"
        backup(url, good)
        backup(sqlite_url, tmp_path / "sqlite")
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE installation SET incarnation = 40")
        bad = {
            "empty": b"",
            "text": b"name: x\n",
            "cut": good.read_bytes()[:-3000],
            "short": good.read_bytes()[:200],
            "sqlite": (tmp_path / "sqlite").read_bytes(),
        }
        for name, content in bad.items():
            file = tmp_path / name
            file.write_bytes(content)
            with pytest.raises(ConfigurationError, match=r"damaged|empty|no backup|backup of a SQLite"):
                restore(url, file, replace=True)
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT incarnation FROM installation").fetchone() == (40,)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_backup_of_an_older_release_is_upgraded_on_the_way(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        restore_older(f"sqlite:///{tmp_path / 'older.db'}", request.getfixturevalue("sqlite_url"), tmp_path)
        return
    if shutil.which("pg_restore") is None:
        pytest.skip("PostgreSQL's client programs are not on the path")
    server: Server = request.getfixturevalue("postgres")
    with server.database() as older, server.database(request.getfixturevalue("postgres_template")) as newer:
        restore_older(older, newer, tmp_path)


def restore_older(older: str, newer: str, folder: Path) -> None:
    """Restore a backup of a database with an older schema over one with the newest."""
    upgrade(older, to="0005")
    backup(older, folder / "backup")
    assert current(older) == "0005"
    assert restore(newer, folder / "backup", replace=True) == 0
    assert current(newer) == newest()
    store = open_store(newer, durable=False)
    assert audit(store) == ()
    store.close()
