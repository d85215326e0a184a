"""Events: the append-only timeline of an execution. `event_data` has the payload of each type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, dataclass_transform, get_args

from flowbuilder.values import JsonObject

EventType = Literal[
    "execution_started",
    "execution_resumed",
    "execution_waiting",
    "execution_released",
    "execution_paused",
    "execution_completed",
    "execution_failed",
    "execution_cancelled",
    "execution_quarantined",
    "control_requested",
    "worker_lost",
    "resumed_without_decision",
    "step_started",
    "step_retrying",
    "step_throttled",
    "step_completed",
    "step_failed",
    "step_skipped",
    "branch_taken",
    "iteration_started",
    "item_failed",
    "review_opened",
    "review_claimed",
    "review_released",
    "review_approved",
    "review_approval_undone",
    "review_decided",
    "review_expired",
    "review_escalated",
    "round_started",
    "effect_intended",
    "effect_done",
    "effect_unknown",
    "effect_refused",
    "effect_reverted",
]
EVENT_TYPES: frozenset[str] = frozenset(get_args(EventType))


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEvent:
    """An event about to be written. `path` is the StepPath it belongs to, empty for the execution as a whole."""

    type: EventType
    path: str = ""
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event as the store keeps it: `seq` is gapless within its execution, from 1; `at` is in UTC; `epoch` is that of
    the execution when it was written."""

    execution_id: str
    seq: int
    at: datetime
    type: EventType
    path: str = ""
    data: JsonObject = field(default_factory=dict)
    epoch: int = 0

    def record(self) -> JsonObject:
        """The JSON form: `{"seq", "at", "type", "path", ...data}`."""
        return {"seq": self.seq, "at": self.at.isoformat(), "type": self.type, "path": self.path, **self.data}


EVENT_DATA: dict[EventType, type[EventData]] = {}
"""The payload record of each event type; filled when `event_data` is imported."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class EventData:
    """The payload of one event type; a subclass names its type and is a frozen dataclass. Times are ISO 8601 in UTC."""

    event_type: ClassVar[EventType]

    def __init_subclass__(cls, *, type: EventType) -> None:
        cls.event_type = type
        EVENT_DATA[type] = dataclass(frozen=True, kw_only=True)(cls)

    def at(self, path: str = "") -> NewEvent:
        """The event with this payload, for the step run at `path`; without a path, for the execution as a whole."""
        return NewEvent(type=self.event_type, path=path, data=self.record())

    def record(self) -> JsonObject:
        """The payload as it is stored: a field is left out where it has its default."""
        given = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, (value, default) in given.items() if default is MISSING or value != default}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """The record of a stored payload. A field that an older release did not write is its default or None; fields
        that this release does not know are ignored."""
        missing = {field.name: None if field.default is MISSING else field.default for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: payload.get(name, default) for name, default in missing.items()})
