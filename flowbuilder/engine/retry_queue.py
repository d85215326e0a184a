"""Retry queue of one execution: the step runs that are to start now, or when their next attempt is due. Plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flowbuilder.throttling.context import ThrottleWait
from flowbuilder.walk.commands import Start

MAX_HELD_RETRY_SECONDS = 30.0
"""The longest wait before a retry for which the worker keeps the execution; for a longer one it releases the lease."""
MAX_HELD_THROTTLE_SECONDS = 1.0
"""The longest wait for a rate limit for which the worker keeps the execution. Shorter, because the step has already
waited inside its attempt, and many may wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRetry:
    """A step run between two attempts: how many were made, and when the next one is due.

    `throttled` is set when it waits for a rate limit. That is not an attempt, so `attempts` does not count it.
    """

    attempts: int
    due: datetime
    throttled: ThrottleWait | None = None

    @property
    def max_held_seconds(self) -> float:
        """The longest wait, in seconds, during which the worker keeps the execution for this step run."""
        return MAX_HELD_RETRY_SECONDS if self.throttled is None else MAX_HELD_THROTTLE_SECONDS


@dataclass(kw_only=True, slots=True)
class RetryQueue:
    """`pending` are the step runs that have been tried, by StepPath; `queued` those that are to start, now or when
    they are due. `now` is the store's time."""

    pending: dict[str, PendingRetry]
    queued: dict[str, Start] = field(default_factory=dict)

    def is_due(self, path: str, now: datetime) -> bool:
        """Whether a step run is to start now: its first attempt at once, a later one when it is due."""
        return path not in self.pending or self.pending[path].due <= now

    @property
    def next_due(self) -> datetime | None:
        """The moment at which the first retry is due; None without retries."""
        return min((retry.due for _, retry in self._waiting()), default=None)

    def seconds_to_hold(self, now: datetime) -> float | None:
        """Seconds until the first retry if a worker is to wait for one of them; None if all are too late for that."""
        soon = any(_seconds(now, retry.due) <= retry.max_held_seconds for _, retry in self._waiting())
        return _seconds(now, self.next_due or now) if soon else None

    def _waiting(self) -> Iterator[tuple[str, PendingRetry]]:
        return ((path, self.pending[path]) for path in self.queued if path in self.pending)


def _seconds(now: datetime, due: datetime) -> float:
    return max(0.0, (due - now).total_seconds())
