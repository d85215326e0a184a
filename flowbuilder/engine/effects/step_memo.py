"""Memoised answers of one step run: a call that was answered once is not made again after a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flowbuilder.model.execution import Lease
from flowbuilder.ports import Store
from flowbuilder.values import Json, JsonObject, digest


@dataclass
class StepMemos:
    """Implements `ports.Journal` on the store. The key has the StepPath, so the next round of a step calls anew."""

    store: Store
    lease: Lease
    path: str
    _requests: Counter[str] = field(default_factory=Counter)

    async def get_or_ask(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The stored answer to this request, or the answer of `ask`, which is stored before it is returned."""
        request_hash = digest(request)
        self._requests[request_hash] += 1
        key = digest([self.path, request_hash, self._requests[request_hash]])
        known = await asyncio.to_thread(self.store.step_memo, self.lease.execution_id, key)
        if known is not None:
            return known
        answer = await ask()
        await asyncio.to_thread(self.store.save_step_memo, self.lease, path=self.path, key=key, answer=answer)
        return answer
