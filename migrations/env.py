"""Runs the migrations in one transaction, under a lock that all processes share."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from flowbuilder.bootstrap import settings
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.indexes import metadata
from flowbuilder.store.db.migrations import LOCK, VERSION_TABLE
from flowbuilder.store.db.sqlite import WRITES


def run(database: Database) -> None:
    """Lock the database, then migrate it, in a transaction of its own."""
    with database.engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        run_on(database, connection)


def run_on(database: Database, connection: Connection) -> None:
    """Lock the database, then migrate it, in the transaction of this connection."""
    if database.on_postgres:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        transactional_ddl=True,
        include_object=lambda thing, name, kind, reflected, other: _is_compared(database, thing, name, kind),
    )
    context.run_migrations()


def _is_compared(database: Database, thing: Any, name: str | None, kind: str) -> bool:
    if kind == "index" and not database.on_postgres:
        return bool(thing.dialect_options["postgresql"].get("using") != "gin")
    return not (kind == "table" and name == VERSION_TABLE)


if context.is_offline_mode():
    raise SystemExit("flowbuilder's migrations run on a database: leave out --sql")
given = context.config.attributes.get("database")
inside = context.config.attributes.get("connection")
if isinstance(given, Database) and inside is not None:
    run_on(given, inside)
elif isinstance(given, Database):
    run(given)
else:
    own = Database(settings().url)
    try:
        run(own)
    finally:
        own.close()
