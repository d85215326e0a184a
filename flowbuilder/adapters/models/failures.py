"""Translates errors of pydantic-ai into flowbuilder's errors."""

from __future__ import annotations

import math
from typing import Any

from pydantic_ai import exceptions as kinds

from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, Transience, TransientError


def model_failure(problem: Exception, model: str) -> FlowbuilderError:
    """The error to raise for an exception of the library."""
    cause: BaseException = problem
    while cause.__cause__ is not None:
        cause = cause.__cause__
    detail = "" if str(cause) in str(problem) else f" ({cause})"  # such as why a connection ended
    message = f"{model}: {problem}{detail}"[:600]
    transient: list[tuple[Any, Transience]] = [
        (kinds.ModelTimeoutError, "timeout"),
        (kinds.RunTimedOut, "timeout"),
        (kinds.ModelConnectionError, "connection"),
        (kinds.ModelRateLimitError, "rate_limit"),
        (kinds.ModelOverloadedError, "rate_limit"),  # overload: the same request succeeds later
        (kinds.ModelUnavailableError, "server_error"),
        (kinds.ModelServerError, "server_error"),
    ]
    for kind, reason in transient:
        if isinstance(problem, kind):
            return TransientError(message, reason=reason, retry_after=_seconds(getattr(problem, "retry_after", None)))
    status = getattr(problem, "status_code", None)
    if isinstance(status, int) and (status == 408 or status >= 500):
        return TransientError(message, reason="server_error" if status >= 500 else "timeout")
    if isinstance(problem, kinds.ModelAuthenticationError):
        return ConfigurationError(f"{message} (check the API key)")
    codes: list[tuple[Any, str]] = [
        (kinds.ModelQuotaExceededError, "quota"),
        (kinds.ModelContextWindowExceededError, "prompt_too_long"),
        (kinds.ModelNotFoundError, "unknown_model"),
        (kinds.UsageLimitExceeded, "budget"),
        (kinds.ContentFilterError, "content_filter"),
        (kinds.OutputTokenLimitExceeded, "answer_cut_off"),
        (kinds.UnexpectedModelBehavior, "invalid_answer"),
    ]
    return StepError(message, code=next((code for kind, code in codes if isinstance(problem, kind)), "model"))


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value >= 0 else None
