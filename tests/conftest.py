"""Fixtures for all tests: databases that are created once and copied; each test leaves the environment as it was."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from flowbuilder.store import upgrade
from tests.support.servers.ghost_site import GhostSite, missing, shared_ghost
from tests.support.servers.postgres import NoPostgres, Server, server
from tests.support.servers.requirements import unavailable
from tests.support.servers.wordpress_site import WordPressSite
from tests.support.servers.wordpress_site import missing as missing_for_wordpress


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: no collection of garbage looks at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Variables that a test or the code under test sets end with the test: other tests follow in the same process."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server. Without one tests are skipped, but on a build machine they fail."""
    try:
        with server() as running:
            yield running
    except NoPostgres as problem:
        unavailable(str(problem))


@pytest.fixture(scope="session")
def ghost_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GhostSite]:
    """A Ghost with an owner and a key. Without one tests are skipped, but on a build machine they fail."""
    absent = missing()
    if absent is not None:
        unavailable(absent)
    with shared_ghost(tmp_path_factory) as opened:
        yield opened


@pytest.fixture(scope="session")
def blog_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPressSite]:
    """A site whose posts are at `/%postname%/`."""
    absent = missing_for_wordpress()
    if absent is not None:
        unavailable(absent)
    with WordPressSite(tmp_path_factory.mktemp("wordpress"), permalinks="/%postname%/") as opened:
        yield opened


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with the newest schema."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> Iterator[str]:
    """The name of an empty PostgreSQL database with the newest schema."""
    with postgres.database() as url:
        upgrade(url)
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database."""
    shutil.copyfile(sqlite_template, tmp_path / "flowbuilder.db")
    return f"sqlite:///{tmp_path / 'flowbuilder.db'}"


@pytest.fixture(scope="session")
def _postgres_database(postgres: Server, postgres_template: str) -> Iterator[str]:
    with postgres.database(postgres_template) as url:
        yield url


@pytest.fixture
def postgres_url(_postgres_database: str) -> str:
    """A PostgreSQL database with the newest schema and no rows: one for all tests, emptied before each."""
    with psycopg.connect(_postgres_database, autocommit=True) as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # no trigger refuses the deletion, no foreign key is checked
        for (table,) in connection.execute(_FILLED).fetchall():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    return _postgres_database


_FILLED = """
    SELECT relname FROM pg_stat_user_tables
    WHERE schemaname = 'public' AND relname NOT IN ('installation', 'flowbuilder_schema')
"""
