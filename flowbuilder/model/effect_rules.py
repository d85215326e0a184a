"""Rules of the effect ledger: when an effect may begin or be reverted, and its timeline events. Pure.

Apart from `effect`, which step types import, so that checking a definition does not import events.
"""

from __future__ import annotations

from typing import Literal

from flowbuilder.errors import BeingCancelled, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.event_data import EffectDone, EffectIntended, EffectRefused, EffectReverted, EffectUnknown
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Lease, Status
from flowbuilder.values import JsonObject


def stored_detail(of: Intent | Effect) -> JsonObject:
    """The stored detail of an intent: its fields without a column of their own."""
    given: JsonObject = {"asked": of.asked or None, "key_retention": of.key_retention}
    return {name: value for name, value in given.items() if value is not None}


def intended_event(effect: Effect) -> NewEvent:
    """The timeline event before the call."""
    return EffectIntended(
        key=effect.key,
        target=effect.target,
        request_hash=effect.request_hash,
        key_retention=effect.key_retention,
    ).at(effect.path)


def done_event(effect: Effect, receipt: JsonObject | None) -> NewEvent:
    """The timeline event of a receipt."""
    return EffectDone(key=effect.key, receipt=receipt).at(effect.path)


def no_receipt_event(effect: Effect, status: Literal["unknown", "refused"], reason: str) -> NewEvent:
    """The timeline event of a call without a receipt."""
    record = EffectUnknown if status == "unknown" else EffectRefused
    return record(key=effect.key, reason=reason).at(effect.path)


def reverted_event(effect: Effect, by: str) -> NewEvent:
    """The timeline event of an effect that was reverted."""
    return EffectReverted(key=effect.key, by=by).at(effect.path)


def cancelled_error(lease: Lease) -> BeingCancelled:
    """The error of an effect that would begin after a cancel request."""
    return BeingCancelled(f"execution {lease.execution_id} is being cancelled: no effect starts any more")


def ensure_revertible(effect: Effect, status: Status) -> None:
    """`Refused` for an effect that is not done, is reverted already, or has no inverse. `status` is its execution's.

    A write in doubt may be reverted once its execution has ended, where its inverse is known: nothing writes any more,
    and the inverse tells whether the target has the write.
    """
    if effect.status == "reverted":
        raise Refused(f"{effect.target} has been reverted already")
    in_doubt = effect.status in ("intended", "unknown") and status in TERMINAL and effect.inverse
    if effect.status != "done" and not in_doubt:
        raise Refused(
            f"{effect.target} was not completed ({effect.status}): only an effect that is done can be reverted"
        )
    if not effect.inverse:
        raise Refused(f"{effect.target} cannot be reverted: no inverse was recorded for it")
