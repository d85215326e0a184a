"""Rules of the effect ledger: when an effect may begin or be reverted, and its timeline events. Pure.

Apart from `effect`, which step types import, so that checking a definition does not import events.
"""

from __future__ import annotations

from typing import Literal

from flowbuilder.errors import BeingCancelled, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease
from flowbuilder.values import JsonObject


def stored_detail(of: Intent | Effect) -> JsonObject:
    """What is stored of an intent besides its columns."""
    given: JsonObject = {"asked": of.asked or None, "key_retention": of.key_retention}
    return {name: value for name, value in given.items() if value is not None}


def intended_event(effect: Effect) -> NewEvent:
    """The timeline event before the call."""
    data: JsonObject = {"key": effect.key, "target": effect.target, "request_hash": effect.request_hash}
    if effect.key_retention is not None:
        data["key_retention"] = effect.key_retention
    return NewEvent(type="effect_intended", path=effect.path, data=data)


def done_event(effect: Effect, receipt: JsonObject | None) -> NewEvent:
    """The timeline event of a receipt."""
    return NewEvent(type="effect_done", path=effect.path, data={"key": effect.key, "receipt": receipt})


def no_receipt_event(effect: Effect, status: Literal["unknown", "refused"], reason: str) -> NewEvent:
    """The timeline event of a call without a receipt."""
    data: JsonObject = {"key": effect.key, "reason": reason}
    return NewEvent(type="effect_unknown" if status == "unknown" else "effect_refused", path=effect.path, data=data)


def reverted_event(effect: Effect, by: str) -> NewEvent:
    """The timeline event of an effect that was reverted."""
    return NewEvent(type="effect_reverted", path=effect.path, data={"key": effect.key, "by": by})


def cancelled_error(lease: Lease) -> BeingCancelled:
    """The error of an effect that would begin after a cancel request."""
    return BeingCancelled(f"execution {lease.execution_id} is being cancelled: no effect starts any more")


def ensure_revertible(effect: Effect) -> None:
    """`Refused` for an effect that is not done, is reverted already, or has no inverse."""
    if effect.status == "reverted":
        raise Refused(f"{effect.target} has been reverted already")
    if effect.status != "done":
        raise Refused(f"{effect.target} is {effect.status}: only an effect that is done can be reverted")
    if not effect.inverse:
        raise Refused(f"{effect.target} cannot be reverted: no inverse was recorded for it")
