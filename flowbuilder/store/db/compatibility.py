"""Whether this release may work on the database: the database says which is the oldest that may."""

from __future__ import annotations

from sqlalchemy import select

from flowbuilder.errors import ConfigurationError
from flowbuilder.store.db.tables import installation
from flowbuilder.store.db.transaction import Transaction

CODE = 1
"""The generation of this release."""


def ensure_new_enough(transaction: Transaction) -> None:
    """`ConfigurationError` when a newer flowbuilder has upgraded the database to what this one would damage."""
    oldest = transaction.run(_OLDEST).scalar_one()
    if oldest > CODE:
        raise ConfigurationError(
            f"this database was made by a newer flowbuilder (generation {oldest}, this one is {CODE}); use that version"
        )


_OLDEST = select(installation.c.min_code)
