"""Whether an effect can be taken back, and what is written down of it. Pure: the stores only write it down."""

from __future__ import annotations

from flowbuilder.errors import Refused
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import NewEvent


def ensure_revertible(effect: Effect) -> None:
    """`Refused` for an effect that is not done, is taken back already, or has no inverse."""
    if effect.status == "reverted":
        raise Refused(f"{effect.target} is taken back already")
    if effect.status != "done":
        raise Refused(f"{effect.target} is {effect.status}: only what is done can be taken back")
    if not effect.inverse:
        raise Refused(f"{effect.target} cannot be taken back: nothing is known that undoes it")


def reverted(effect: Effect, by: str) -> NewEvent:
    """What the timeline says of an effect that was taken back."""
    return NewEvent(type="effect_reverted", path=effect.path, data={"key": effect.key, "by": by})
