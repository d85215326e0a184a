"""What was answered in the middle of step runs, in the database."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from flowbuilder.model.execution import Lease
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.repository import Repository
from flowbuilder.store.db.tables import answers, executions
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.values import JsonObject

_NUMBER = select(executions.c.id).where(executions.c.flow_run_id == bindparam("wanted")).scalar_subquery()
_ANSWER = select(answers.c.answer).where(answers.c.execution_id == _NUMBER, answers.c.key == bindparam("key"))


class SqlStepMemos(Repository):
    """Answers by the digest of what was asked."""

    def save_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Write an answer down before it is used; the first one stands."""
        kept = storable(answer, "the answer")

        def keep(transaction: Transaction) -> None:
            grip = transaction.advance(lease)
            values = {
                "execution_id": grip.id, "key": key, "path": path, "answer": kept, "inserted_at": transaction.now(),
            }  # fmt: skip
            transaction.run(transaction.insert(answers).on_conflict_do_nothing(), values)

        self._database.write(keep)

    def step_memo(self, execution_id: str, key: str) -> JsonObject | None:
        """The answer to what was asked; None when there is none."""
        wanted = {"wanted": execution_id, "key": key}
        return self._database.read(lambda transaction: transaction.run(_ANSWER, wanted).scalar_one_or_none())
