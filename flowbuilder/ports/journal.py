"""What a step run has been answered so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from flowbuilder.values import Json, JsonObject


class Journal(Protocol):
    """The answers that a step run got from models and tools, each written down before it is used.

    A run that is done again, after a crash or for another attempt, goes on where it was: nothing that was paid for is
    bought a second time.
    """

    async def answered(self, request: Json, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """The answer to a request: the one written down, else that of `ask`, which is written down first. When a run
        makes the same request several times, each time has an answer of its own."""
        ...
