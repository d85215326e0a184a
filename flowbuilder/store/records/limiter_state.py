"""The traffic of connections, in the database: one row each, changed under its lock."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import bindparam, select, update

from flowbuilder.ports.throttle import Rule
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import traffic as rows
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
_ROW = select(rows.c.state).where(rows.c.name == bindparam("wanted"))
_LOCKED = _ROW.with_for_update()


class SqlLimiterState(Repository):
    """Traffic by the name of its connection."""

    def limiter_state(self, name: str) -> LimiterState:
        """That of one connection, as it stands."""
        state = self._database.read(lambda transaction: transaction.run(_ROW, {"wanted": name}).scalar_one_or_none())
        return LimiterState() if state is None else LimiterState.of(state)

    def update_limiter(self, name: str, rule: Rule[T]) -> T:
        """Change that of one connection by a rule, in one transaction, at the database's time."""

        def change(transaction: Transaction) -> T:
            state = transaction.run(_LOCKED, {"wanted": name}).scalar_one_or_none()
            if state is None:
                first = {"name": name, "state": LimiterState().record(), "updated_at": transaction.now()}
                transaction.run(transaction.insert(rows).on_conflict_do_nothing(), first)
                state = transaction.run(_LOCKED, {"wanted": name}).scalar_one()
            before = LimiterState.of(state)
            after, said = rule(before, transaction.now())
            if after != before:
                transaction.run(
                    update(rows).where(rows.c.name == name).values(state=after.record(), updated_at=transaction.now())
                )
            return said

        return self._database.write(change)
