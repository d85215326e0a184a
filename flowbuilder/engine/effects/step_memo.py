"""The journal of one step run, kept in the store."""

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
    """Implements `ports.Journal`. `path` is the step's: the next round of a step asks anew."""

    store: Store
    lease: Lease
    path: str
    _asked: Counter[str] = field(default_factory=Counter)

    async def get_or_ask(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The answer that is in the store, or the one that `ask` gives, once it is there."""
        asked = digest(request)
        self._asked[asked] += 1
        key = digest([self.path, asked, self._asked[asked]])
        known = await asyncio.to_thread(self.store.step_memo, self.lease.execution_id, key)
        if known is not None:
            return known
        answer = await ask()
        await asyncio.to_thread(lambda: self.store.save_step_memo(self.lease, path=self.path, key=key, answer=answer))
        return answer
