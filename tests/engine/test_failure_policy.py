"""The table of error kinds: which errors of a step fail it, which are retried, and which wait for a rate limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowbuilder.engine.failure_policy import Fail, RetryIn, WaitForLimit, failure_policy
from flowbuilder.errors import ConfigurationError, LanguageError, StepError, Throttled, TransientError
from flowbuilder.steps.step import Retry, Step
from flowbuilder.throttling.context import ThrottleWait
from flowbuilder.values import NotJson

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(id="a", type="api", retry=Retry(attempts=2, delay_seconds=3))
DOWN = TransientError("down", reason="server_error")
LIMITED = TransientError("too often", reason="rate_limit")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StepError("wrong", code="wrong"), "wrong"),
        (LanguageError("type", "no text", stage="run"), "type"),
        (NotJson("output is a set"), "not_json"),
        (ConfigurationError("no such connection"), "configurationerror"),
        (KeyError("x"), "internal"),
    ],
)
def test_a_permanent_error_fails_the_step_with_its_code(error: Exception, code: str) -> None:
    verdict = failure_policy(error, STEP, 1, None, now=NOW)
    assert isinstance(verdict, Fail)
    assert verdict.code == code


def test_a_transient_error_is_retried_until_the_attempts_are_used_up() -> None:
    assert failure_policy(DOWN, STEP, 1, None, now=NOW) == RetryIn(seconds=3, error=DOWN)
    assert failure_policy(DOWN, STEP, 2, None, now=NOW) == Fail(code="server_error", message="down")
    assert failure_policy(DOWN, Step(id="a", type="api"), 1, None, now=NOW) == Fail(code="server_error", message="down")


@pytest.mark.parametrize(("times", "seconds"), [(5000, 60), (0, 5), (1, 10), (2, 20), (4, 60), (9, 60)])
def test_a_rate_limit_waits_longer_each_time(times: int, seconds: float) -> None:
    waited = ThrottleWait(since=NOW - timedelta(hours=1), times=times) if times else None
    verdict = failure_policy(LIMITED, STEP, 9, waited, now=NOW)
    assert isinstance(verdict, WaitForLimit)
    assert verdict.error.retry_after == seconds


def test_a_throttled_call_waits_as_its_connection_says_for_up_to_a_day() -> None:
    error = Throttled("full", retry_after=7)
    waited = ThrottleWait(since=NOW - timedelta(hours=23), times=3)
    assert failure_policy(error, STEP, 1, waited, now=NOW) == WaitForLimit(error=error)
    verdict = failure_policy(error, STEP, 1, waited, now=NOW + timedelta(hours=1))
    assert verdict == Fail(code="throttled", message="still rate limited after 24 hours of waiting: full")
