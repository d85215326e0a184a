"""Migrations upgrade, downgrade and upgrade again to the schema of the tables, on both databases."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.util import CommandError
from sqlalchemy import Column, Integer, MetaData, inspect, text

from flowbuilder.settings import packaged_folder
from flowbuilder.store import current, newest, open_store, upgrade
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.indexes import metadata
from flowbuilder.store.db.migrations import migrate
from tests.support.servers.postgres import Server

ORIGINAL = {
    "workflow_executions": [("workflow_id", "inserted_at"), ("account",), ("status",)],
    "workflow_review_queue": [("execution_id", "status"), ("reviewer",), ("expires_at",)],
    "workflows": [("account",), ("status",)],
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with contextlib.closing(Database(url)) as opened:
        yield opened


def schema_of(database: Database) -> dict[str, object]:
    """The schema as the database reports it."""
    seen = MetaData()
    seen.reflect(database.engine)
    found: dict[str, object] = {}
    for table in seen.sorted_tables:
        found[table.name] = (
            sorted((column.name, str(column.type), column.nullable) for column in table.columns),
            sorted(
                (str(index.name), [column.name for column in index.columns], index.unique) for index in table.indexes
            ),
            sorted(str(constraint.name) for constraint in table.constraints if constraint.name),
        )
    with database.engine.connect() as connection:
        if database.on_postgres:
            triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        else:
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
        found["triggers"] = list(connection.execute(text(triggers)).scalars())
    return found


def revisions() -> list[str]:
    files = (packaged_folder("migrations") / "versions").glob("[0-9]*.py")
    return sorted(file.name.partition("_")[0] for file in files)


def test_the_newest_revision_is_the_codes_schema_version() -> None:
    assert newest() == revisions()[-1]


def test_an_upgrade_after_a_downgrade_gives_the_same_schema(url: str, database: Database) -> None:
    upgrade(url)
    first = schema_of(database)
    migrate(database, "downgrade", "base")
    assert {"flowbuilder_schema", "triggers"} == set(schema_of(database))
    assert schema_of(database)["triggers"] == []
    upgrade(url)
    assert schema_of(database) == first


def test_each_migration_can_be_downgraded(url: str, database: Database) -> None:
    before = []
    for revision in revisions():
        before.append(schema_of(database))
        upgrade(url, to=revision)
        assert current(url) == revision
    for expected in reversed(before):
        migrate(database, "downgrade", "-1")
        found = schema_of(database)
        found.pop("flowbuilder_schema", None)
        expected.pop("flowbuilder_schema", None)
        assert found == expected


def test_the_tables_match_the_migrations(url: str, database: Database) -> None:
    upgrade(url)
    migrate(database, "check")
    metadata.tables["sites"].append_column(Column("odd", Integer))
    try:
        with pytest.raises(CommandError, match="odd"):
            migrate(database, "check")
    finally:
        metadata.tables["sites"]._columns.remove(metadata.tables["sites"].c.odd)  # type: ignore[attr-defined]


@pytest.mark.parametrize("table", ORIGINAL)
def test_the_indexes_of_the_original_design_exist(url: str, database: Database, table: str) -> None:
    upgrade(url)
    found = {tuple(index["column_names"]) for index in inspect(database.engine).get_indexes(table)}
    assert set(ORIGINAL[table]) <= found


def test_searched_columns_have_an_inverted_index_on_postgresql_only(url: str, database: Database) -> None:
    upgrade(url)
    if not database.on_postgres:
        names = [str(index["name"]) for index in inspect(database.engine).get_indexes("workflow_executions")]
        assert not [name for name in names if "snapshot" in name]
        return
    with database.engine.connect() as connection:
        methods = connection.execute(
            text("SELECT tablename, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING gin%' ORDER BY 1")
        ).all()
    assert [table for table, _ in methods] == ["workflow_execution_events", "workflow_executions"]


def test_many_processes_may_upgrade_at_once(url: str) -> None:
    program = f"from flowbuilder.store import upgrade; upgrade({url!r})"
    with ThreadPoolExecutor(3) as pool:
        mine = [pool.submit(upgrade, url) for _ in range(2)]
        others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
        assert [other.wait(60) for other in others] == [0, 0]
        assert [future.result(60) for future in mine] == [None, None]
    store = open_store(url, durable=False)
    assert len(store.install_id()) == 36
    store.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    upgrade(url, to="0001")
    before = schema_of(database)
    create, calls = op.create_table, []

    def fail_at_the_third(name: str, *columns: object, **options: object) -> object:
        calls.append(name)
        if len(calls) == 3:
            raise RuntimeError("cut off")
        return create(name, *columns, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_table", fail_at_the_third)
    with pytest.raises(RuntimeError, match="cut off"):
        upgrade(url)
    assert schema_of(database) == before
    monkeypatch.undo()
    upgrade(url)
    assert current(url) == newest()
