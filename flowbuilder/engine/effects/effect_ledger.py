"""The effect ledger as a step sees it: the store's, bound to one execution and its lease."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from flowbuilder.engine.effects.approval_guard import approves
from flowbuilder.errors import StepError
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from flowbuilder.ports import Store
from flowbuilder.values import JsonObject

FRESH_SECONDS = 2.0
"""How old the proof may be that the lease is ours, when a call begins."""


def _elapsing() -> float:
    """Seconds on a clock that nobody sets, and that runs while the machine is suspended where there is such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass
class EffectLedger:
    """Implements `ports.Ledger` on the store; each call is committed before it returns.

    It is of one step run: once that is over, work that was left behind can begin no effect any more.
    """

    store: Store
    lease: Lease
    _closed: bool = False

    def close(self) -> None:
        """The step run is over. What has begun may still be finished."""
        self._closed = True

    async def begin(self, intent: Intent) -> Effect:
        """The durable intent; an effect that is there already comes back as it stands. `LostLease` when another worker
        has the execution by now, be it that this process stood still right after the commit."""
        if self._closed:
            raise StepError("this step run is over, nothing can be written any more", code="over")
        begun = _elapsing()
        effect = await asyncio.to_thread(self.store.begin_effect, self.lease, intent)
        while _elapsing() - begun > FRESH_SECONDS:  # long enough for the lease to have run out: look once more
            begun = _elapsing()
            await asyncio.to_thread(self.store.append_events, self.lease, ())
        return effect

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """The receipt, and what it takes to undo the effect."""
        await asyncio.to_thread(
            lambda: self.store.finish_effect(self.lease, key, "done", receipt=receipt, inverse=inverse)
        )

    async def unknown(self, key: str, *, reason: str) -> None:
        """The call was made and nobody knows whether it took effect."""
        await asyncio.to_thread(lambda: self.store.finish_effect(self.lease, key, "unknown", reason=reason))

    async def refused(self, key: str, *, reason: str) -> None:
        """The target has answered, and surely did nothing."""
        await asyncio.to_thread(lambda: self.store.finish_effect(self.lease, key, "refused", reason=reason))

    async def approved(self, content_hash: str) -> bool:
        """Whether a reviewer of this execution approved exactly these bytes, alone or as a part of something larger."""
        decisions = await asyncio.to_thread(self.store.decisions, self.lease.execution_id)
        return any(approves(decision, content_hash) for decision in decisions.values())
