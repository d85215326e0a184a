"""Opening a store: what must be true of a database before anything is written to it."""

from __future__ import annotations

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Clock
from flowbuilder.store.db.compatibility import ensure_new_enough
from flowbuilder.store.db.database import PATIENCE, Database
from flowbuilder.store.db.disk_space import LEAST_FREE
from flowbuilder.store.db.migrations import NEWEST, revision_in
from flowbuilder.store.db.postgres import ensure_durable
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import shown
from flowbuilder.store.store import SqlStore


def open_store(
    url: str,
    *,
    clock: Clock | None = None,
    durable: bool = True,
    patience: float = PATIENCE,
    least_free: int = LEAST_FREE,
) -> SqlStore:
    """The store at this URL (`sqlite:///FILE` or `postgresql://...`).

    `Unavailable` when it cannot be reached; `ConfigurationError` when it is not ours, too old, too new, damaged, or may
    forget what it commits. Nothing begins while fewer than `least_free` bytes are free where an embedded database is.
    For tests only: `clock` replaces the database's, and `durable=False` accepts a database that may forget. `patience`
    is for how many seconds a transaction is tried again that fails for a passing reason.
    """
    database = Database(url, clock=clock, durable=durable, patience=0, least_free=least_free)
    try:
        if durable and database.on_postgres:
            database.read(lambda transaction: ensure_durable(transaction.connection))
        database.read(lambda transaction: _ensure_fits(transaction, shown(database.url)))
    except BaseException:
        database.close()
        raise
    database.patience = patience
    return SqlStore(database)


def _ensure_fits(transaction: Transaction, where: str) -> None:
    revision = revision_in(transaction.connection)
    if revision is None or revision < NEWEST:
        raise ConfigurationError(
            f"{where} has the schema {revision or 'of nothing yet'}, and this flowbuilder needs {NEWEST}: "
            "run flowbuilder db upgrade"
        )
    ensure_new_enough(transaction)
