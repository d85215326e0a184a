"""Failure policy: whether a step run that raised an error fails, is retried, or waits for a rate limit (429). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flowbuilder.errors import FlowbuilderError, LanguageError, StepError, Throttled, TransientError
from flowbuilder.steps.step import Step
from flowbuilder.throttling.context import ThrottleWait
from flowbuilder.values import Json, NotJson, ensure_json

MAX_THROTTLED = timedelta(hours=24)
"""The time that a step run waits for a rate limit before it fails."""
MAX_DETAIL_BYTES = 16 * 1024
MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 5.0, 60.0
"""The waits after a 429 without a Retry-After: they start at the first value and double up to the second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fail:
    """Record a failed outcome with this error."""

    code: str
    message: str
    detail: Json = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryIn:
    """Make another attempt after `seconds`."""

    seconds: float
    error: TransientError


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitForLimit:
    """Wait for the rate limit, for `error.retry_after` seconds. The attempt is not counted."""

    error: Throttled


def failure_policy(
    error: Exception, step: Step, attempt: int, waited: ThrottleWait | None, *, now: datetime
) -> Fail | RetryIn | WaitForLimit:
    """Classify an error of a step run. `attempt` counts from 1; `waited` is set when the step run was throttled
    before."""
    match error:
        case TransientError() if isinstance(error, Throttled) or error.reason == "rate_limit":
            if waited is not None and now - waited.since >= MAX_THROTTLED:
                hours = MAX_THROTTLED.total_seconds() / 3600
                message = f"still rate limited after {hours:.0f} hours of waiting: {error}"
                return Fail(code="throttled", message=message)
            return WaitForLimit(error=_throttled(error, waited))
        case TransientError() if _may_retry(step, error, attempt):
            return RetryIn(seconds=retry_delay(step, attempt, error), error=error)
        case StepError():
            return Fail(code=error.code, message=str(error), detail=_bounded(error.detail))
        case LanguageError():
            return Fail(code=error.code, message=str(error))
        case NotJson():
            return Fail(code="not_json", message=str(error))
        case FlowbuilderError():
            return Fail(code=type(error).__name__.lower(), message=str(error))
        case _:
            return Fail(code="internal", message=f"{type(error).__name__}: {error}")


def _bounded(detail: Json) -> Json:
    """The detail of an error as it is stored: None where it is too large, or no JSON."""
    try:
        return ensure_json(detail, max_bytes=MAX_DETAIL_BYTES, well_formed=True)
    except NotJson:
        return None


def retry_delay(step: Step, attempt: int, error: TransientError) -> float:
    """Seconds to wait after the given attempt (from 1): the delay of the step's `retry`, or the `Retry-After` of the
    target if that is longer."""
    delays = step.retry.delays() if step.retry else ()
    own = delays[attempt - 1] if attempt <= len(delays) else 0.0
    return max(own, error.retry_after or 0.0)


def _may_retry(step: Step, error: TransientError, attempt: int) -> bool:
    return step.retry is not None and attempt < step.retry.attempts and error.reason in step.retry.on


def _throttled(error: TransientError, waited: ThrottleWait | None) -> Throttled:
    """The error itself; for a 429 outside of any connection, a wait of its `Retry-After` or of the back-off."""
    if isinstance(error, Throttled):
        return error
    times = waited.times if waited is not None else 0
    own = min(MIN_BACKOFF_SECONDS * 2.0 ** min(times, 10), MAX_BACKOFF_SECONDS)
    seconds = error.retry_after if error.retry_after is not None else own
    return Throttled(str(error), retry_after=seconds, refused=True)
