"""Effect ledger and journal of a step run, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.review import Decision
from flowbuilder.testing.fakes.bundle import FakeClock
from flowbuilder.values import Json, JsonObject, digest


@dataclass
class MemoryLedger:
    """An effect ledger without a store; `effects` by key. A test simulates a crash by keeping the object."""

    clock: FakeClock = field(default_factory=FakeClock)
    effects: dict[str, Effect] = field(default_factory=dict)
    approved_hashes: set[str] = field(default_factory=set)
    decisions: list[Decision] = field(default_factory=list)

    async def begin(self, intent: Intent) -> Effect:
        """The new effect, or the existing one as it was begun before."""
        known = self.effects.get(intent.key)
        if known is not None and known.status != "refused":
            open_yet = known.status in ("intended", "unknown")
            inverse = intent.inverse if open_yet and intent.inverse is not None else known.inverse
            self.effects[known.key] = replace(known, asked=max(intent.asked, known.asked), inverse=inverse)
            age = (self.clock.now() - known.created_at).total_seconds()
            return replace(known, inverse=inverse, resumed=True, age=age)
        effect = self.effects[intent.key] = intent.effect("test", self.clock.now())
        return effect

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None:
        """Store the receipt."""
        self.effects[key] = replace(self.effects[key], status="done", receipt=receipt, inverse=inverse)

    async def unknown(self, key: str, *, reason: str, asked: int | None = None) -> None:
        """Mark the outcome as unknown."""
        known = self.effects[key]
        answered = known.asked if asked is None else asked
        self.effects[key] = replace(known, status="unknown", detail={"reason": reason}, asked=answered)

    async def refused(self, key: str, *, reason: str) -> None:
        """Mark the effect as refused by the target."""
        self.effects[key] = replace(self.effects[key], status="refused", detail={"reason": reason})

    async def approved(self, *content_hashes: str) -> bool:
        """Whether the test put these hashes into `approved_hashes`."""
        return self.approved_hashes.issuperset(content_hashes)

    async def approvals(self, *content_hashes: str) -> Mapping[str, Sequence[Decision]]:
        """Those that the test put into `decisions`, for every content in `approved_hashes`."""
        return dict.fromkeys(self.approved_hashes.intersection(content_hashes), self.decisions)


@dataclass
class MemoryJournal:
    """A journal without a store; `answers` by request and its count. `again()` gives that of a repeated step run."""

    answers: dict[tuple[str, int], JsonObject] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    async def get_or_ask(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The stored answer, or a new one."""
        asked = digest(request)
        self._asked[asked] += 1
        place = (asked, self._asked[asked])
        if place not in self.answers:
            self.answers[place] = await ask()
        return self.answers[place]

    def again(self) -> MemoryJournal:
        """The journal of a repeated step run: the same answers, and no request counted yet."""
        return MemoryJournal(answers=self.answers)
