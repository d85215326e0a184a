"""Limiter state of connections: one row each, updated under its lock."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import bindparam, select, update

from flowbuilder.ports.throttle import Rule
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import limiter_states_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
_ROW = select(limiter_states_table.c.state).where(limiter_states_table.c.name == bindparam("wanted"))
_LOCKED = _ROW.with_for_update()


class SqlLimiterState(Repository):
    """Limiter state by the name of its connection."""

    def limiter_state(self, name: str) -> LimiterState:
        """The state of one connection's limiter."""
        state = self._database.read(
            lambda transaction: transaction.execute(_ROW, {"wanted": name}).scalar_one_or_none()
        )
        return LimiterState() if state is None else LimiterState.of(state)

    def update_limiter(self, name: str, rule: Rule[T]) -> T:
        """Apply a rule to the state of one connection, in one transaction, at the database's time."""

        def change(transaction: Transaction) -> T:
            state = transaction.execute(_LOCKED, {"wanted": name}).scalar_one_or_none()
            if state is None:
                first = {"name": name, "state": LimiterState().record(), "updated_at": transaction.now()}
                transaction.execute(transaction.insert(limiter_states_table).on_conflict_do_nothing(), first)
                state = transaction.execute(_LOCKED, {"wanted": name}).scalar_one()
            before = LimiterState.of(state)
            after, result = rule(before, transaction.now())
            if after != before:
                transaction.execute(
                    update(limiter_states_table)
                    .where(limiter_states_table.c.name == name)
                    .values(state=after.record(), updated_at=transaction.now())
                )
            return result

        return self._database.write(change)
