"""The store in a database: SQLAlchemy, and nowhere else."""

from flowbuilder.store.db.disk_space import lack_of_disk_space
from flowbuilder.store.db.migrations import current, newest, upgrade
from flowbuilder.store.db.url import shown_url
from flowbuilder.store.opening import open_store
from flowbuilder.store.store import SqlStore

__all__ = ["SqlStore", "current", "lack_of_disk_space", "newest", "open_store", "shown_url", "upgrade"]
