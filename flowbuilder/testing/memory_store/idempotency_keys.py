"""The keys under which executions were started, in memory."""

from __future__ import annotations

from flowbuilder.errors import NotFound
from flowbuilder.model.execution import other_start
from flowbuilder.testing.memory_store.memory import Repository


class MemoryIdempotencyKeys(Repository):
    """A key is taken once, for one request, and stands for one execution."""

    def reserve_idempotency_key(self, key: str, request_hash: str) -> str | None:
        """Take a key; the id of the execution that was started with it, if there is one."""
        with self._memory.lock:
            taken, known = self._memory.starts.setdefault(key, (request_hash, None))
            if taken != request_hash:
                raise other_start(key)
            return known

    def complete_idempotency_key(self, key: str, execution_id: str) -> str:
        """The execution of a key; the first one stands."""
        with self._memory.lock:
            if key not in self._memory.starts:
                raise NotFound(f"nothing is started with the key {key}")
            taken, known = self._memory.starts[key]
            self._memory.starts[key] = (taken, known or execution_id)
            return known or execution_id
