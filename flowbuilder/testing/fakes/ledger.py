"""An effect ledger without a store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flowbuilder.model.effect import Effect, Intent
from flowbuilder.testing.fakes.clock import FakeClock
from flowbuilder.values import JsonObject


@dataclass
class MemoryLedger:
    """An effect ledger without a store; `effects` by key. It survives a "crash" when a test keeps the object."""

    clock: FakeClock = field(default_factory=FakeClock)
    effects: dict[str, Effect] = field(default_factory=dict)
    approved_hashes: set[str] = field(default_factory=set)

    async def begin(self, intent: Intent) -> Effect:
        """The intent; the effect as it stood when it was begun before."""
        known = self.effects.get(intent.key)
        if known is not None and known.status != "refused":
            self.effects[known.key] = replace(known, asked=max(intent.asked, known.asked))
            return replace(known, resumed=True, age=(self.clock.now() - known.created_at).total_seconds())
        effect = self.effects[intent.key] = intent.effect("test", self.clock.now())
        return effect

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """The receipt."""
        self.effects[key] = replace(self.effects[key], status="done", receipt=receipt, inverse=inverse)

    async def unknown(self, key: str, *, reason: str) -> None:
        """Nobody knows."""
        self.effects[key] = replace(self.effects[key], status="unknown", detail={"reason": reason})

    async def refused(self, key: str, *, reason: str) -> None:
        """It surely did nothing."""
        self.effects[key] = replace(self.effects[key], status="refused", detail={"reason": reason})

    async def approved(self, content_hash: str) -> bool:
        """Whether the test said so."""
        return content_hash in self.approved_hashes
