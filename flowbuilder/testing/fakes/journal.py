"""A journal without a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flowbuilder.values import Json, JsonObject, digest


@dataclass
class MemoryJournal:
    """A journal without a store; `answers` by what was asked and how often. `again()` is the same run, done again."""

    answers: dict[tuple[str, int], JsonObject] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    async def answered(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The answer from before, or a new one."""
        asked = digest(request)
        self._asked[asked] += 1
        place = (asked, self._asked[asked])
        if place not in self.answers:
            self.answers[place] = await ask()
        return self.answers[place]

    def again(self) -> MemoryJournal:
        """The journal of a run that is done again: it knows what was answered, and nothing was asked yet."""
        return MemoryJournal(answers=self.answers)
