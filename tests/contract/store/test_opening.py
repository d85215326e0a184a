"""A database that could lose or damage data is refused on opening, with a message for the operator."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from flowbuilder.errors import ConfigurationError, Unavailable
from flowbuilder.ports.sql.sqlite_library import is_safe, library
from flowbuilder.store import current, newest, open_store, upgrade
from flowbuilder.store.db.url import parse_url
from flowbuilder.testing import FakeClock
from tests.support.servers.postgres import Server
from tests.support.store_contract import TTL, StoreHarness


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("sqlite:///some/file.db", "sqlite+pysqlite"),
        ("sqlite:////abs/file.db", "sqlite+pysqlite"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h:5433/d?sslmode=require", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg"),
    ],
)
def test_common_forms_of_urls_are_accepted(written: str, driver: str) -> None:
    assert parse_url(written).drivername == driver


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is not a database URL"),
        ("nonsense", "is not a database URL"),
        ("mysql://u@h/d", "not mysql"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
    ],
)
def test_unsupported_urls_are_refused(written: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_store(written)


def test_a_database_without_our_schema_asks_for_the_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert current(url) is None
    with pytest.raises(ConfigurationError, match="flowbuilder db upgrade"):
        open_store(url)
    upgrade(url)
    assert current(url) == newest()
    open_store(url).close()


def test_upgrading_twice_changes_nothing(sqlite_url: str) -> None:
    before = open_store(sqlite_url).install_id()
    upgrade(sqlite_url)
    assert open_store(sqlite_url).install_id() == before


def test_an_old_schema_asks_for_the_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    upgrade(url, to="0002")
    with pytest.raises(ConfigurationError, match=r"has the schema 0002.*needs \d+: run flowbuilder db upgrade"):
        open_store(url)
    upgrade(url)
    open_store(url).close()


def test_a_database_with_foreign_tables_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE flow_run (id TEXT)")
    url = f"sqlite:///{tmp_path / 'other.db'}"
    for call in (open_store, upgrade, current):
        with pytest.raises(ConfigurationError, match="a database of its own"):
            call(url)


def test_a_newer_database_is_refused_only_if_it_requires_newer_code(sqlite_url: str) -> None:
    file = sqlite_url.removeprefix("sqlite:///")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE flowbuilder_schema SET version_num = '9999'")
    open_store(sqlite_url).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE installation SET min_code = 99")
    with pytest.raises(ConfigurationError, match="made by a newer flowbuilder"):
        open_store(sqlite_url)
    with pytest.raises(ConfigurationError, match="newer flowbuilder"):
        upgrade(sqlite_url)


def test_a_worker_older_than_the_database_claims_no_execution(sqlite_url: str) -> None:
    clock = FakeClock()
    store = open_store(sqlite_url, clock=clock)
    harness = StoreHarness(store, clock)
    harness.create_execution()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE installation SET min_code = 99")
    with pytest.raises(ConfigurationError, match="newer flowbuilder"):
        store.claim("run-1", "worker-1", TTL)
    assert store.execution("run-1").status == "queued"
    store.close()


@pytest.mark.parametrize("where", ["/nowhere/at/all/file.db", "/proc/1/nothing.db"])
def test_a_path_that_cannot_be_a_file_is_unavailable(where: str) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        open_store(f"sqlite:///{where}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, and it is longer than a header of one hundred bytes" * 5)
    with pytest.raises(ConfigurationError, match="is not a SQLite database"):
        open_store(f"sqlite:///{tmp_path / 'text.db'}")


def test_an_unreachable_server_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        open_store("postgresql://ana:secret@127.0.0.1:1/flowbuilder")
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
def test_a_missing_database_is_unavailable(postgres: Server) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        open_store(postgres.url_of("nowhere"))


@pytest.mark.postgres
def test_a_server_without_durable_commits_is_refused_except_in_tests(postgres: Server, postgres_template: str) -> None:
    with postgres.database(postgres_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            (fsync,) = connection.execute("SHOW fsync").fetchone() or ("on",)
        if fsync == "off":
            with pytest.raises(ConfigurationError, match="fsync = off"):
                open_store(url)
        open_store(url, durable=False).close()
        with psycopg.connect(url, autocommit=True) as connection:
            name = url.rpartition("/")[2]
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with pytest.raises(ConfigurationError, match="synchronous_commit = off"):
            open_store(url)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
        ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 4), True), ((4, 0, 0), True),
    ],
)  # fmt: skip
def test_releases_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], safe: bool) -> None:
    assert is_safe(version) is safe


def test_a_file_is_in_wal_mode_and_every_commit_is_synced(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    with store.database.engine.connect() as connection:
        found = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    _, safe = library()
    assert found == {
        "journal_mode": "wal" if safe else "delete", "synchronous": 2 if safe else 3, "foreign_keys": 1,
        "busy_timeout": 10_000,
    }  # fmt: skip


def test_an_unsafe_library_uses_a_rollback_journal_and_never_shares_a_file_in_wal_mode(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe = open_store(sqlite_url)
    module, _ = library()
    monkeypatch.setattr("flowbuilder.store.db.sqlite.library", lambda: (module, False))
    with pytest.raises(ConfigurationError, match="in use in WAL mode"):
        open_store(sqlite_url)
    safe.close()
    alone = open_store(sqlite_url)
    with alone.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "delete"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 3


def test_opening_a_current_database_is_quick_and_imports_no_alembic(sqlite_url: str) -> None:
    import subprocess
    import sys

    program = (
        "import sys, time; from flowbuilder.store import open_store, upgrade; begun = time.perf_counter(); "
        f"upgrade({sqlite_url!r}); open_store({sqlite_url!r}); "
        "print(time.perf_counter() - begun, 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, imported = done.stdout.split()
    assert imported == "False"
    assert float(seconds) < 0.3, seconds  # about 0.01 on a free machine


def test_a_sqlite_store_loads_nothing_of_postgresql_and_no_migrations(sqlite_url: str) -> None:
    code = (
        "import sys; from flowbuilder.store import open_store\n"
        f"store = open_store({sqlite_url!r}, durable=False); store.install_id(); store.ready()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('psycopg', 'alembic') or 'postgresql' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
