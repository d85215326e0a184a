"""An effect: a write to the outside world, its durable intent and its receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from flowbuilder.errors import BeingCancelled
from flowbuilder.values import JsonObject, digest

if TYPE_CHECKING:
    from flowbuilder.model.events import NewEvent
    from flowbuilder.model.execution import Lease

EffectStatus = Literal["intended", "done", "unknown", "refused", "reverted"]
"""Refused: the target has answered that it did nothing, so that a new attempt is none in doubt."""
Ending = Literal["done", "unknown", "refused"]
TargetClass = Literal["deduplicates", "lookup", "neither"]
"""What a target offers against repetition: it honours the idempotency key; the write can be looked up; neither."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """An effect that is about to begin: what the ledger is told before the call."""

    key: str
    path: str
    target: str
    target_class: TargetClass
    request_hash: str
    asked: int = 0
    """How many questions of the step are answered by now."""
    key_retention: float | None = None
    """For how many seconds the target remembers the key; None: for ever."""

    def effect(self, execution_id: str, at: datetime) -> Effect:
        """The row of the ledger that it becomes."""
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
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One row of the ledger. `inverse` is what `revert` needs to undo it."""

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
    """Whether the intent was there before it was begun this time: an earlier attempt may have made the call."""
    asked: int = 0
    """How many questions of its step were answered when it was last begun: each answer is good for one call."""
    key_retention: float | None = None
    """For how many seconds the target remembers the key; None: for ever."""
    age: float = 0.0
    """Seconds since the key may first have been used, by the store's clock, when it was begun this time."""

    @property
    def forgotten(self) -> bool:
        """Whether the target may have forgotten the key, so that it would do a repetition as something new."""
        return self.key_retention is not None and self.age > self.key_retention


def notes(of: Intent | Effect) -> JsonObject:
    """What is kept of an intent besides its columns."""
    given: JsonObject = {"asked": of.asked or None, "key_retention": of.key_retention}
    return {name: value for name, value in given.items() if value is not None}


def intended(effect: Effect) -> NewEvent:
    """What the timeline says before the call."""
    data: JsonObject = {"key": effect.key, "target": effect.target, "request_hash": effect.request_hash}
    if effect.key_retention is not None:
        data["key_retention"] = effect.key_retention
    from flowbuilder.model.events import NewEvent

    return NewEvent(type="effect_intended", path=effect.path, data=data)


def effect_key(install: str, execution_id: str, path: str, ordinal: int = 0, author_key: str | None = None) -> str:
    """The idempotency key of an effect: the same after a crash, a retry or a restore; 40 hex digits.

    With the author's own `effect.key` the step's place does not matter: the same key is the same effect.
    """
    parts = [install, "key", author_key] if author_key else [install, execution_id, path, ordinal]
    return digest(parts)[:40]


def ended_without_receipt(effect: Effect, how: Literal["unknown", "refused"], reason: str) -> NewEvent:
    """What the timeline says of a call that gave no receipt."""
    data: JsonObject = {"key": effect.key, "reason": reason}
    from flowbuilder.model.events import NewEvent  # here: the step types need effects, and checking needs no events

    return NewEvent(type="effect_unknown" if how == "unknown" else "effect_refused", path=effect.path, data=data)


def cancelled(lease: Lease) -> BeingCancelled:
    """The refusal of an effect that would start after a cancellation."""
    return BeingCancelled(f"execution {lease.execution_id} is being cancelled: no effect starts any more")
