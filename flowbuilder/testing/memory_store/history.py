"""History of an execution in memory: outcomes, events and step memos, written under its lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbuilder.errors import Conflict
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.lease_rules import ensure_event_allowed
from flowbuilder.model.stored_json import storable, storable_outcome
from flowbuilder.ports.engine import StepMemo
from flowbuilder.testing.memory_store.memory import Repository, copied
from flowbuilder.values import JsonObject


class MemoryHistory(Repository):
    """Events are numbered under the lock, so that there is never a gap."""

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """In the order in which they were recorded."""
        with self._memory.lock:
            stored = self._memory.executions.get(execution_id)
            return tuple(copied(outcome) for outcome in stored.outcomes.values()) if stored else ()

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events; a second final outcome of a path is `Conflict`."""
        memory = self._memory
        checked = storable_outcome(outcome, events)
        with memory.lock:
            stored = memory.fence(lease)
            if (known := stored.outcomes.get(outcome.path)) is not None:
                raise Conflict(f"{outcome.path} has an outcome already: it is {known.status}")
            now = memory.now()
            stored.outcomes[outcome.path] = replace(checked, finished_at=outcome.finished_at or now)
            memory.update_execution(stored, deaths=0)
            stored.write_events(now, events)

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None:
        """Events that the worker writes under its lease."""
        with self._memory.lock:
            self._memory.fence(lease).write_events(self._memory.now(), events)

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above `after`."""
        with self._memory.lock:
            stored = self._memory.executions.get(execution_id)
            return tuple(copied(event) for event in stored.events[max(after, 0) :][: max(limit, 0)]) if stored else ()

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event of a person or of the reconciler; `Refused` after the end, except `effect_reverted`."""
        with self._memory.lock:
            stored = self._memory.stored(execution_id)
            ensure_event_allowed(stored.execution, event)
            stored.write_events(self._memory.now(), [event])

    def save_step_memo(self, lease: Lease, *, path: str, key: str, answer: JsonObject) -> None:
        """Record an answer before it is used; a later one of the same key is ignored."""
        checked = storable(answer, "the answer")
        with self._memory.lock:
            stored = self._memory.fence(lease)
            memo = StepMemo(answer=checked, at=self._memory.now())  # type: ignore[arg-type]
            stored.step_memos.setdefault(key, (path, memo))

    def step_memo(self, execution_id: str, key: str) -> JsonObject | None:
        """The recorded answer with this key; None when there is none."""
        with self._memory.lock:
            stored = self._memory.executions.get(execution_id)
            known = None if stored is None else stored.step_memos.get(key)
            return None if known is None else copied(known[1].answer)

    def step_memos(self, execution_id: str, path: str) -> Sequence[StepMemo]:
        """The recorded answers of one step run, in the order in which they were recorded."""
        with self._memory.lock:
            stored = self._memory.executions.get(execution_id)
            memos = stored.step_memos.values() if stored else ()
            return tuple(copied(memo) for of, memo in memos if of == path)
