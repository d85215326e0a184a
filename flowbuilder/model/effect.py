"""Effects: writes to the outside world, each with its durable intent and its receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from flowbuilder.values import JsonObject, digest

EffectStatus = Literal["intended", "done", "unknown", "refused", "reverted"]
"""`refused`: the target answered that it did nothing, so that a new attempt is safe."""
Ending = Literal["done", "unknown", "refused"]
TargetClass = Literal["deduplicates", "lookup", "neither"]
"""The behaviour of a target on a repeated call: it honours the idempotency key; the write can be looked up; neither."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """An effect that is about to begin, as recorded before the call."""

    key: str
    path: str
    target: str
    target_class: TargetClass
    request_hash: str
    asked: int = 0
    """The number of reviews of the step that have been answered so far."""
    key_retention: float | None = None
    """Seconds for which the target honours the key; None: without a limit."""
    inverse: JsonObject | None = None
    """What undoes the effect, read before the call; None leaves that of an earlier attempt."""

    def effect(self, execution_id: str, at: datetime) -> Effect:
        """The new row of the ledger."""
        return Effect(
            key=self.key,
            execution_id=execution_id,
            path=self.path,
            target=self.target,
            target_class=self.target_class,
            status="intended",
            request_hash=self.request_hash,
            created_at=at,
            asked=self.asked,
            key_retention=self.key_retention,
            inverse=self.inverse,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One row of the effect ledger. `inverse` is what `revert` needs to undo it."""

    key: str
    execution_id: str
    path: str
    target: str
    target_class: TargetClass
    status: EffectStatus
    request_hash: str
    receipt: JsonObject | None = None
    inverse: JsonObject | None = None
    created_at: datetime
    done_at: datetime | None = None
    detail: JsonObject = field(default_factory=dict)
    resumed: bool = False
    """Whether the intent existed before: an earlier attempt may have made the call."""
    asked: int = 0
    """The number of reviews of the step that were answered when the effect last began: each approval allows one
    call."""
    key_retention: float | None = None
    """Seconds for which the target honours the key; None: without a limit."""
    age: float = 0.0
    """Seconds since the key may first have been used, by the store's clock."""

    @property
    def forgotten(self) -> bool:
        """Whether the key may have expired at the target, which would then perform a repeated call again."""
        return self.key_retention is not None and self.age > self.key_retention


def effect_key(install: str, execution_id: str, path: str, ordinal: int = 0, author_key: str | None = None) -> str:
    """The idempotency key of an effect: the same after a crash, a retry or a restore; 40 hex digits.

    With the author's own `effect.key` the path does not matter: the same key is the same effect.
    """
    parts = [install, "key", author_key] if author_key else [install, execution_id, path, ordinal]
    return digest(parts)[:40]
