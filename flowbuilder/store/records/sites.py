"""Sites, in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from flowbuilder.errors import NotFound
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import sites
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject


class SqlSites(Repository):
    """One record a site."""

    def save_site(self, name: str, record: JsonObject) -> None:
        """Keep a site's record under its name."""
        kept = storable(record, "the site")

        def save(transaction: Transaction) -> None:
            changes = {"record": kept, "updated_at": transaction.now()}
            insert = transaction.insert(sites).values(name=name, **changes)
            transaction.run(insert.on_conflict_do_update(index_elements=[sites.c.name], set_=changes))

        self._database.write(save)

    def site(self, name: str) -> JsonObject:
        """One site's record; `NotFound`."""
        query = select(sites.c.record).where(sites.c.name == name)
        record: JsonObject | None = self._database.read(lambda transaction: transaction.run(query).scalar_one_or_none())
        if record is None:
            raise NotFound(f"there is no site {name}")
        return record

    def sites(self) -> Sequence[JsonObject]:
        """All records, by name."""
        query = select(sites.c.record).order_by(sites.c.name)
        return self._database.read(lambda transaction: tuple(transaction.run(query).scalars()))
