"""What was answered in the middle of step runs, in memory."""

from __future__ import annotations

from flowbuilder.model.execution import Lease
from flowbuilder.model.stored_json import storable
from flowbuilder.testing.memory_store.memory import Repository, copied
from flowbuilder.values import JsonObject


class MemoryStepMemos(Repository):
    """Answers by the digest of what was asked."""

    def save_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Write an answer down before it is used; the first one stands."""
        kept = storable(answer, "the answer")
        with self._memory.lock:
            run = self._memory.fenced(lease)
            run.answers.setdefault(key, kept)  # type: ignore[arg-type]

    def step_memo(self, execution_id: str, key: str) -> JsonObject | None:
        """The answer to what was asked; None when there is none."""
        with self._memory.lock:
            run = self._memory.runs.get(execution_id)
            return None if run is None else copied(run.answers.get(key))
