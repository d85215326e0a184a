"""One topic of the store."""

from __future__ import annotations

from flowbuilder.store.db.database import Database


class Repository:
    """One topic of the store: its methods are transactions on the shared database."""

    def __init__(self, database: Database) -> None:
        self._database = database
