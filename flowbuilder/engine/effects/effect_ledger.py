"""The effect ledger of one step run: writes to the store under the execution's lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowbuilder.engine.effects.approval_guard import approved_hashes
from flowbuilder.errors import StepError
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Decision
from flowbuilder.ports import Store
from flowbuilder.values import JsonObject

FRESH_SECONDS = 2.0
"""Maximum age, in seconds, of the last check of the lease when a call to the target starts."""


def _elapsed_seconds() -> float:
    """Seconds of a monotonic clock; one that also counts while the machine is suspended, if there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass
class EffectLedger:
    """Implements `ports.Ledger` on the store; each call is committed before it returns.

    Once the step run has ended, threads that still run for it can start no effect.
    """

    store: Store
    lease: Lease
    _closed: bool = False

    def close(self) -> None:
        """Refuse new effects: the step run has ended. Effects that have started may still be finished."""
        self._closed = True

    async def begin(self, intent: Intent) -> Effect:
        """Record the intent, or return the effect that exists. `LostLease` when another worker has the execution, also
        if it took it over while this process was frozen right after the commit."""
        if self._closed:
            raise StepError("this step run has ended; nothing more can be written", code="over")
        begun = _elapsed_seconds()
        effect = await asyncio.to_thread(self.store.begin_effect, self.lease, intent)
        while _elapsed_seconds() - begun > FRESH_SECONDS:  # long enough for the lease to have expired: check it again
            begun = _elapsed_seconds()
            await asyncio.to_thread(self.store.append_events, self.lease, ())
        return effect

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """Record the receipt, and the inverse that undoes the effect."""
        await asyncio.to_thread(self.store.finish_effect, self.lease, key, "done", receipt=receipt, inverse=inverse)

    async def unknown(self, key: str, *, reason: str, asked: int | None = None) -> None:
        """Record that a call was made and its result is unknown."""
        await asyncio.to_thread(self.store.finish_effect, self.lease, key, "unknown", reason=reason, asked=asked)

    async def refused(self, key: str, *, reason: str) -> None:
        """Record that the target rejected the call and certainly did nothing."""
        await asyncio.to_thread(self.store.finish_effect, self.lease, key, "refused", reason=reason)

    async def approved(self, *content_hashes: str) -> bool:
        """Whether reviewers of this execution approved all contents with these hashes, alone or in larger values."""
        return await asyncio.to_thread(self._approved, set(content_hashes))

    def _approved(self, missing: set[str]) -> bool:
        for decision in self.store.decisions(self.lease.execution_id).values():
            missing.difference_update(approved_hashes(decision) if missing else ())
        return not missing

    async def approvals(self, *content_hashes: str) -> Mapping[str, Sequence[Decision]]:
        """The decisions of this execution that approve each of these contents, oldest first; none for another one."""
        return await asyncio.to_thread(self._approvals, frozenset(content_hashes))

    def _approvals(self, wanted: frozenset[str]) -> dict[str, list[Decision]]:
        found: dict[str, list[Decision]] = {}
        for decision in sorted(self.store.decisions(self.lease.execution_id).values(), key=lambda made: made.at):
            for approved in wanted.intersection(approved_hashes(decision)):
                found.setdefault(approved, []).append(decision)
        return found
