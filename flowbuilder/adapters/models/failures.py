"""Translates errors of pydantic-ai into flowbuilder's errors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic_ai import exceptions as kinds

from flowbuilder.adapters.models.answer_checks import UnusableAnswer
from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, Transience, TransientError
from flowbuilder.ports.http.reasons import reason_of

_TRANSIENT: list[tuple[Any, Transience]] = [
    (kinds.ModelTimeoutError, "timeout"),
    (kinds.RunTimedOut, "timeout"),
    (kinds.ModelConnectionError, "connection"),
    (kinds.ModelRateLimitError, "rate_limit"),
    (kinds.ModelOverloadedError, "rate_limit"),  # overload: the same request succeeds later
    (kinds.ModelUnavailableError, "server_error"),
    (kinds.ModelServerError, "server_error"),
]
_CODES: list[tuple[Any, str]] = [
    (kinds.ModelQuotaExceededError, "quota"),
    (kinds.ModelContextWindowExceededError, "prompt_too_long"),
    (kinds.ModelNotFoundError, "unknown_model"),
    (kinds.UsageLimitExceeded, "budget"),
    (kinds.ContentFilterError, "content_filter"),
    (kinds.OutputTokenLimitExceeded, "answer_cut_off"),
    (kinds.IncompleteToolCall, "answer_cut_off"),
    (kinds.UnexpectedModelBehavior, "invalid_answer"),
]
_PASSING: dict[int, Transience] = {408: "timeout", 409: "server_error", 425: "server_error"}
"""Statuses below 500 of requests that may succeed later: a time limit, a lock, a replay that is too early."""
_NO_IMAGES = re.compile(
    r"(?:\bnot|n't|\bnone|no endpoints?\b.{0,20}) support.{0,20}\b(?:image|vision|multi-?modal)|"
    r"(?:image|vision|multi-?modal).{0,60}\b(?:not|only) (?:supported|enabled)|not a (?:multi-?modal|vision)|"
    r"image_url.{0,80}expected .?text|missing data required for image|not compiled for multi-?modal|"
    r"content must be a string",
    re.I,
)
"""What servers say, with any status, when a model is shown an image and reads none."""
_WORDS: list[tuple[str, re.Pattern[str]]] = [
    ("content_filter", re.compile(r"content_filter|content_policy_violation|responsibleaipolicy", re.I)),
    ("quota", re.compile(r"credit balance|insufficient.{0,10}(credit|balance|fund|quota)|billing", re.I)),
    ("prompt_too_long", re.compile(r"context (size|length|window)|exceed_context|prompt is too long", re.I)),
    (
        "unknown_model",
        re.compile(r"model_(decommissioned|deprecated|retired|not_found)|"
                   r"\b(invalid|unknown|no such) model( name| id)?\b|"
                   r"not a valid model|\bmodel\b.{0,80}\b(decommissioned|retired|"
                   r"no longer (available|supported)|been deprecated|does not exist|not found)", re.I),
    ),
]  # fmt: skip
"""What providers say in words only, in an error with a status of 400 to 422."""


def model_failure(problem: BaseException, model: str) -> FlowbuilderError:
    """The error to raise for an exception of the library; its message has the server's own words."""
    unusable = next((cause for cause in _causes(problem) if isinstance(cause, UnusableAnswer)), None)
    if unusable is not None:
        return _named(unusable.failure, model)
    status = getattr(problem, "status_code", None)
    message = f"{model}: {_said(problem, status)}"[:600]
    if isinstance(status, int) and _NO_IMAGES.search(str(getattr(problem, "body", "") or "")[:4000]):
        return StepError(message, code="images_not_supported")
    for kind, reason in _TRANSIENT:
        if isinstance(problem, kind):
            return TransientError(message, reason=reason, retry_after=_seconds(getattr(problem, "retry_after", None)))
    if isinstance(status, int) and (status in _PASSING or status >= 500):
        return TransientError(message, reason=_PASSING.get(status, "server_error"))
    if isinstance(problem, kinds.UnexpectedModelBehavior) and "ended without" in str(problem):
        return TransientError(f"{model}: the stream of the answer ended before its end", reason="connection")
    in_words = _code_in_words(problem, status)
    strange = status == 404 and in_words is None and not _is_providers(getattr(problem, "body", None))
    if isinstance(status, int) and 400 <= status < 500 and (strange or is_page(_words_of(problem))):
        # a server of models answers no page and has a message for a model it lacks: a proxy answers, or another server
        return ConfigurationError(f"{message} (there is no model at this address; check base_url)")
    if isinstance(problem, kinds.ModelAuthenticationError) and in_words not in ("quota", "unknown_model"):
        return ConfigurationError(f"{message} (check the API key)")
    code = next((code for kind, code in _CODES if isinstance(problem, kind)), None)
    return StepError(message, code=code or in_words or "model")


def _is_providers(body: object) -> bool:
    """Whether the body of an error has the form of a provider's, or is JSON that cannot be read."""
    if isinstance(body, str):
        return body.lstrip().startswith(("{", "["))
    if not isinstance(body, dict):
        return False
    return "error" in body or ("message" in body and not {"type", "code", "object"}.isdisjoint(body))


def is_page(words: object) -> bool:
    """Whether the words of an error are a page of HTML."""
    return isinstance(words, str) and re.match(r"\s*<(!doctype|html|head|body)", words, re.I) is not None


def _named(failure: FlowbuilderError, model: str) -> FlowbuilderError:
    message = f"{model}: {failure}"
    if isinstance(failure, TransientError):
        return TransientError(message, reason=failure.reason)
    return StepError(message, code=failure.code if isinstance(failure, StepError) else "invalid_answer")


def _words_of(problem: BaseException) -> object:
    """The message in the body of an error, or the body that is no object."""
    body = getattr(problem, "body", None)
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return error
    return next((error[name] for name in ("message", "detail", "msg", "title") if error.get(name)), None)


def _said(problem: BaseException, status: Any) -> str:
    """What went wrong: the status and the message of the server; else the exception with the cause of it."""
    if status is not None:
        words = _words_of(problem)
        if is_page(words):
            words = f"a page of HTML: {reason_of(str(words))[0] or 'without a title'}"
        return f"the server answered {status}: {' '.join(str(words or 'without a message').split())}"
    cause = [problem, *_causes(problem)][-1]
    text = str(getattr(problem, "message", problem))
    detail = "" if str(cause) in str(problem) else f" ({cause})"  # such as why a connection ended
    return f"{text}{detail}"


def _code_in_words(problem: BaseException, status: Any) -> str | None:
    if not isinstance(status, int):
        return None
    if status == 410:
        return "unknown_model"
    if status == 413:
        return "prompt_too_long"
    if not 400 <= status <= 422:
        return None
    text = str(getattr(problem, "body", "") or "")[:4000]
    return next((code for code, words in _WORDS if words.search(text)), None)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = {id(problem)}
    cause = problem.__cause__
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value >= 0 else None
