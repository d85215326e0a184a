"""Limiter state of connections: one row each, updated under its lock."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import bindparam, select, update

from flowbuilder.ports.throttle import Transition
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.tables import limiter_states_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.throttling.limiter import LimiterState

T = TypeVar("T")
_STATE = select(limiter_states_table.c.state).where(limiter_states_table.c.name == bindparam("wanted"))
_LOCKED_STATE = _STATE.with_for_update()


class SqlLimiterState(Repository):
    """Limiter state by connection name."""

    def limiter_state(self, name: str) -> LimiterState:
        """The current state of one connection."""
        wanted = {"wanted": name}
        record = self._database.read(lambda transaction: transaction.execute(_STATE, wanted).scalar_one_or_none())
        return LimiterState() if record is None else LimiterState.from_record(record)

    def update_limiter(self, name: str, transition: Transition[T]) -> T:
        """Change the state of one connection in one transaction, at the database's time; returns the result."""
        wanted = {"wanted": name}

        def change(transaction: Transaction) -> T:
            record = transaction.execute(_LOCKED_STATE, wanted).scalar_one_or_none()
            if record is None:
                first = {"name": name, "state": LimiterState().to_record(), "updated_at": transaction.now()}
                transaction.execute(transaction.insert(limiter_states_table).on_conflict_do_nothing(), first)
                record = transaction.execute(_LOCKED_STATE, wanted).scalar_one()
            before = LimiterState.from_record(record)
            after, result = transition(before, transaction.now())
            if after != before:
                transaction.execute(
                    update(limiter_states_table)
                    .where(limiter_states_table.c.name == name)
                    .values(state=after.to_record(), updated_at=transaction.now())
                )
            return result

        return self._database.write(change)
