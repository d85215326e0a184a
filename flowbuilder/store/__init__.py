"""The durable store on SQLite or PostgreSQL; the only package that uses SQLAlchemy."""

from flowbuilder.store.db.disk_space import lack_of_disk_space
from flowbuilder.store.db.migrations import current, newest, upgrade
from flowbuilder.store.db.url import display_url
from flowbuilder.store.opening import open_store
from flowbuilder.store.store import SqlStore

__all__ = ["SqlStore", "current", "display_url", "lack_of_disk_space", "newest", "open_store", "upgrade"]
