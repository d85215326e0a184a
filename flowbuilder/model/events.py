"""What happened, written down once and never changed: the kinds of event and their data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from flowbuilder.values import JsonObject

EventType = Literal[
    "execution_started",  # {workflow, version, digest, inputs, site}
    "execution_resumed",  # {reason}: a worker took it up again
    "execution_waiting",  # {reviews: [path], until, holder}: for people, or until a step is to be tried again
    "execution_released",  # {reason, holder}: the worker handed it back, another one goes on
    "execution_paused",  # {by}, or {holder} when the one who held it stopped
    "execution_completed",  # {outputs}
    "execution_failed",  # {error: {code, message, path?}}
    "execution_cancelled",  # {by, reason}
    "execution_quarantined",  # {deaths}
    "control_requested",  # {action, by}
    "worker_lost",  # {holder, epoch}: the lease ran out without being released
    "resumed_without_decision",  # {}: someone pressed Resume in Prefect's UI; it waits again
    "step_started",  # {type, name, attempt}
    "step_retrying",  # {attempt, error, delay_seconds}
    "step_throttled",  # {connection, since, until, reason, attempt, turn}: it waits for its turn, no attempt
    "step_completed",  # {seconds, output_hash, usage?}
    "step_failed",  # {seconds, error: {code, message}}
    "step_skipped",  # {reason}
    "branch_taken",  # {branch}: index, or "else", or null where none was
    "iteration_started",  # {items}
    "item_failed",  # {index, key, error}
    "review_opened",  # {review_id, title, assign, due_at, expires_at}
    "review_claimed",  # {review_id, by, until}
    "review_released",  # {review_id, by}
    "review_approved",  # {review_id, by, approvals, quorum, edited, content_hash}: short of its quorum, still open
    "review_decided",  # {review_id, decision, by, comment, content_hash}
    "review_expired",  # {review_id, outcome}
    "review_escalated",  # {review_id, to}
    "round_started",  # {round, rewind_to, steps: [path]}
    "effect_intended",  # {key, target, request_hash}
    "effect_done",  # {key, receipt}
    "effect_unknown",  # {key, reason}
    "effect_refused",  # {key, reason}: the target surely did nothing
    "effect_reverted",  # {key, by}
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
