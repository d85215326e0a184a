"""The effect ledger: intents and receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.effect import Effect, Ending, Intent
from flowbuilder.model.effect_rules import (
    cancelled_error,
    done_event,
    ensure_revertible,
    intended_event,
    no_receipt_event,
    reverted_event,
)
from flowbuilder.model.execution import Lease
from flowbuilder.testing.memory_store.memory import Repository, copied
from flowbuilder.values import JsonObject


class MemoryEffects(Repository):
    """Effects, each written under the lease of its execution."""

    def begin_effect(self, lease: Lease, intent: Intent) -> Effect:
        """Record the intent; an existing effect is returned as it stood, marked as resumed."""
        memory = self._memory
        with memory.lock:
            stored = memory.fence(lease)
            known = memory.effects.get(intent.key)
            if known is not None and known.status != "refused":
                undo = copied(intent.inverse) if known.status in ("intended", "unknown") else None
                inverse = known.inverse if undo is None else undo
                memory.effects[known.key] = replace(known, asked=max(intent.asked, known.asked), inverse=inverse)
                age = (memory.now() - known.created_at).total_seconds()
                return replace(copied(known), inverse=copied(inverse), resumed=True, age=age)
            if stored.execution.control == "cancel":
                raise cancelled_error(lease)
            now = memory.now()
            effect = intent.effect(lease.execution_id, now if known is None else known.created_at)
            memory.effects[effect.key] = effect
            stored.write_events(now, [intended_event(effect)])
            return effect

    def finish_effect(
        self,
        lease: Lease,
        key: str,
        status: Ending,
        *,
        receipt: JsonObject | None = None,
        inverse: JsonObject | None = None,
        reason: str = "",
        asked: int | None = None,
    ) -> Effect:
        """Record the receipt, or why there is none. A second receipt that differs is a `Conflict`. Without a receipt,
        `asked` replaces the number of answered reviews that `begin_effect` has stored."""
        memory = self._memory
        with memory.lock:
            stored = memory.fence(lease)
            effect = self.effect(key)
            if effect.status in ("done", "reverted"):
                if status == "done" and receipt == effect.receipt:
                    return effect
                raise Conflict(f"effect {key} on {effect.target} has a receipt already, which differs from this one")
            now = memory.now()
            if status == "done":
                done = replace(effect, status="done", receipt=copied(receipt), inverse=copied(inverse), done_at=now)
                event = done_event(effect, receipt)
            else:
                answered = effect.asked if asked is None else asked
                done = replace(effect, status=status, detail={"reason": reason}, asked=answered)
                event = no_receipt_event(effect, status, reason)
            memory.effects[key] = done
            stored.write_events(now, [event])
            return copied(done)

    def revert_effect(self, key: str, by: str) -> Effect:
        """Record that a person reverted an effect, also after the end of its execution."""
        memory = self._memory
        with memory.lock:
            effect = self.effect(key)
            ensure_revertible(effect, memory.stored(effect.execution_id).execution.status)
            memory.effects[key] = replace(effect, status="reverted")
            memory.stored(effect.execution_id).write_events(memory.now(), [reverted_event(effect, by)])
            return self.effect(key)

    def effect(self, key: str) -> Effect:
        """One effect; `NotFound`."""
        with self._memory.lock:
            if key not in self._memory.effects:
                raise NotFound(f"there is no effect {key}")
            return copied(self._memory.effects[key])

    def effects(self, execution_id: str) -> Sequence[Effect]:
        """An execution's effects, oldest first."""
        with self._memory.lock:
            found = [effect for effect in self._memory.effects.values() if effect.execution_id == execution_id]
            return tuple(copied(effect) for effect in found)
