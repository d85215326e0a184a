"""The schema: how old a database's is, and bringing it up to date. Alembic is imported only when there is work."""

from __future__ import annotations

import threading

from sqlalchemy import Connection, column, inspect, select, table

from flowbuilder.errors import ConfigurationError
from flowbuilder.settings import packaged_folder
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.url import shown

NEWEST = "0007"
"""The revision that this release works on."""
VERSION_TABLE = "flowbuilder_schema"

_ALONE = threading.Lock()  # alembic keeps what it works on in globals
LOCK = 7_305_217_001


def newest() -> str:
    """The revision that this release works on."""
    return NEWEST


def current(url: str) -> str | None:
    """The revision of a database's schema; None where there is none. `Unavailable` when it cannot be reached."""
    database = Database(url, patience=0)
    try:
        return revision(database)
    finally:
        database.close()


def revision(database: Database) -> str | None:
    """The revision of an open database; `ConfigurationError` when it is someone else's."""
    return database.read(lambda transaction: revision_in(transaction.connection))


def revision_in(connection: Connection) -> str | None:
    """The revision as a connection sees it."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE in names:
        found: str | None = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
        return found
    if names:
        raise ConfigurationError(
            f"{shown(connection.engine.url)} holds tables of something else ({', '.join(sorted(names)[:3])}, ...); "
            "give flowbuilder a database of its own"
        )
    return None


def upgrade(url: str, *, to: str = "head") -> None:
    """Bring a database's schema up to date, or make it. Any number of processes may do it at once: one does."""
    database = Database(url, patience=0)
    try:
        if revision(database) == NEWEST and to == "head":
            return
        migrate(database, "upgrade", to)
    finally:
        database.close()


def migrate(database: Database, direction: str, *to: str) -> None:
    """Run the migrations in one transaction that nobody else can run at the same time."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(packaged_folder("migrations")).replace("%", "%%"))
    config.attributes["database"] = database
    try:
        with _ALONE:
            getattr(command, direction)(config, *to)
    except CommandError as problem:
        if "Can't locate revision" not in str(problem):
            raise
        raise ConfigurationError(
            f"{shown(database.url)} was made by a newer flowbuilder; use that version ({problem})"
        ) from None
