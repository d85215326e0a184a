"""Validation of values before they are stored: plain JSON of a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbuilder.errors import Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.values import MAX_BYTES, Json, JsonObject, NotJson, ensure_json


def storable(value: object, where: str, *, max_bytes: int = MAX_BYTES) -> Json:
    """A copy of the value for storage; `Refused` when it is not JSON or too large, with the place and the reason."""
    try:
        return ensure_json(value, where=where, max_bytes=max_bytes)
    except NotJson as problem:
        raise Refused(f"this cannot be stored: {problem}") from None


def storable_outcome(outcome: Outcome, events: Sequence[NewEvent] = ()) -> Outcome:
    """A copy of the outcome for storage; `Refused` when it is not final, or when it or the events are not JSON."""
    if outcome.status not in ("completed", "failed"):
        raise Refused(f"{outcome.path} is {outcome.status}: only a final outcome can be recorded")
    for event in events:
        storable(event.data, f"event {event.type}")
    error: JsonObject | None = storable(outcome.error, f"the error of {outcome.path}")  # type: ignore[assignment]
    usage: JsonObject = storable(outcome.usage, f"the usage of {outcome.path}")  # type: ignore[assignment]
    return replace(outcome, output=storable(outcome.output, f"the output of {outcome.path}"), error=error, usage=usage)
