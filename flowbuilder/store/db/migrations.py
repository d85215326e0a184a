"""The schema's revision, its upgrade with alembic, and whether this release may use it.

Alembic is imported only when there is something to migrate.
"""

from __future__ import annotations

import sys
import threading

from sqlalchemy import Connection, column, inspect, select, table

from flowbuilder.errors import ConfigurationError
from flowbuilder.settings import packaged_folder
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.sqlite import close_database_to_others
from flowbuilder.store.db.tables import installation_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url

NEWEST = "0011"
"""The revision that this release needs."""
GENERATION = 1
"""The generation of this release. A database stores the oldest generation that may use it."""
VERSION_TABLE = "flowbuilder_schema"

_ALEMBIC_LOCK = threading.Lock()  # alembic keeps its state in globals
LOCK = 7_305_217_001
"""The key of the advisory lock under which PostgreSQL is migrated."""


def newest() -> str:
    """The revision that this release needs."""
    return NEWEST


def current(url: str) -> str | None:
    """The revision of a database's schema; None when it is empty. `Unavailable`."""
    database = Database(url, retry_seconds=0)
    try:
        return revision(database)
    finally:
        database.close()


def revision(database: Database) -> str | None:
    """The revision of an open database; `ConfigurationError` when its tables are not flowbuilder's."""
    return database.read(lambda transaction: revision_in(transaction.connection))


def revision_in(connection: Connection) -> str | None:
    """The revision as a connection sees it."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE in names:
        found: str | None = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
        return found
    if names:
        raise ConfigurationError(
            f"{display_url(connection.engine.url)} holds tables of something else ({', '.join(sorted(names)[:3])}, "
            "...); give flowbuilder a database of its own"
        )
    return None


def ensure_new_enough(transaction: Transaction) -> None:
    """`ConfigurationError` when a newer flowbuilder has upgraded the database to what this one would damage."""
    oldest = transaction.execute(_OLDEST).scalar_one()
    if oldest > GENERATION:
        raise ConfigurationError(
            f"this database was made by a newer flowbuilder (generation {oldest}, "
            f"this one is {GENERATION}); use that version"
        )


def ensure_usable(revision: str, generation: int, what: str) -> None:
    """`ConfigurationError` when this release cannot use a backup of that revision and generation."""
    if revision > NEWEST or generation > GENERATION:
        raise ConfigurationError(f"{what} was made by a newer flowbuilder (schema {revision}); use that version")


_OLDEST = select(installation_table.c.min_code)


def upgrade(url: str, *, to: str = "head") -> None:
    """Create a database's schema or bring it up to date. Safe to call from several processes at once."""
    database = Database(url, retry_seconds=0)
    if not database.on_postgres:
        close_database_to_others(database.url)
    try:
        if revision(database) == NEWEST and to == "head":
            return
        migrate(database, "upgrade", to)
    finally:
        database.close()


def migrate(database: Database, direction: str, *to: str, connection: Connection | None = None) -> None:
    """Run the migrations in one transaction, under a lock that all processes share; on a `connection`, in its
    transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(stdout=sys.stdout)  # its default is what stdout was when alembic was imported
    config.set_main_option("script_location", str(packaged_folder("migrations")).replace("%", "%%"))
    config.attributes.update(database=database, connection=connection)
    try:
        with _ALEMBIC_LOCK:
            getattr(command, direction)(config, *to)
    except CommandError as problem:
        if "Can't locate revision" not in str(problem):
            raise
        raise ConfigurationError(
            f"{display_url(database.url)} was made by a newer flowbuilder; use that version ({problem})"
        ) from None
