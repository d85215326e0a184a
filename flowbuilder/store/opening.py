"""Opens a store, after checks of its database."""

from __future__ import annotations

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports import Clock
from flowbuilder.store.db.database import RETRY_SECONDS, Database
from flowbuilder.store.db.disk_space import LEAST_FREE
from flowbuilder.store.db.migrations import NEWEST, ensure_new_enough, revision_in
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url
from flowbuilder.store.store import SqlStore


def open_store(
    url: str,
    *,
    clock: Clock | None = None,
    durable: bool = True,
    retry_seconds: float = RETRY_SECONDS,
    least_free: int = LEAST_FREE,
) -> SqlStore:
    """The store at this URL (`sqlite:///FILE` or `postgresql://...`).

    `Unavailable` when it cannot be reached; `ConfigurationError` when it is not flowbuilder's, too old, too new,
    damaged, or configured so that it may lose commits. No new work starts while fewer than `least_free` bytes are free
    on an embedded database's disk. `retry_seconds`: for how long transient errors are retried. For tests only: `clock`
    replaces the database's, and `durable=False` accepts a database that may lose commits.
    """
    database = Database(url, clock=clock, durable=durable, retry_seconds=0, least_free=least_free)
    try:
        if durable and database.on_postgres:
            from flowbuilder.store.db.postgres import ensure_durable  # slow to import, so only where it is used

            database.read(lambda transaction: ensure_durable(transaction.connection))
        database.read(lambda transaction: _ensure_compatible(transaction, display_url(database.url)))
    except BaseException:
        database.close()
        raise
    database.retry_seconds = retry_seconds
    return SqlStore(database)


def _ensure_compatible(transaction: Transaction, where: str) -> None:
    revision = revision_in(transaction.connection)
    if revision is None:
        raise ConfigurationError(
            f"{where} has no schema yet, and this flowbuilder needs {NEWEST}: run flowbuilder db upgrade"
        )
    if revision < NEWEST:
        raise ConfigurationError(
            f"{where} has the schema {revision}, and this flowbuilder needs {NEWEST}: run flowbuilder db upgrade"
        )
    ensure_new_enough(transaction)
