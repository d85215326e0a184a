"""Limiter state of connections: one row each, changed under its lock."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import bindparam, select, update

from flowbuilder.ports.throttle import Transition
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import traffic as rows
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
_ROW = select(rows.c.state).where(rows.c.name == bindparam("wanted"))
_LOCKED = _ROW.with_for_update()


class SqlLimiterState(Repository):
    """Limiter state by connection name."""

    def limiter_state(self, name: str) -> LimiterState:
        """The current state of one connection."""
        state = self._database.read(lambda transaction: transaction.run(_ROW, {"wanted": name}).scalar_one_or_none())
        return LimiterState() if state is None else LimiterState.from_record(state)

    def update_limiter(self, name: str, transition: Transition[T]) -> T:
        """Change the state of one connection in one transaction, at the database's time; returns the result."""

        def change(transaction: Transaction) -> T:
            state = transaction.run(_LOCKED, {"wanted": name}).scalar_one_or_none()
            if state is None:
                first = {"name": name, "state": LimiterState().to_record(), "updated_at": transaction.now()}
                transaction.run(transaction.insert(rows).on_conflict_do_nothing(), first)
                state = transaction.run(_LOCKED, {"wanted": name}).scalar_one()
            before = LimiterState.from_record(state)
            after, said = transition(before, transaction.now())
            if after != before:
                transaction.run(
                    update(rows)
                    .where(rows.c.name == name)
                    .values(state=after.to_record(), updated_at=transaction.now())
                )
            return said

        return self._database.write(change)
