"""The fallback of a model: when it is asked, how much of the time and the budget it has, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, Throttled, TransientError
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.ports import LanguageModel, ModelAnswer, ModelRequest

SHARE = 0.5
"""The part of the step's time that the model has when there is a fallback."""
CODES = frozenset(
    {
        "quota", "unknown_model", "prompt_too_long", "empty_answer", "images_not_supported", "unknown_finish_reason",
        "search_not_supported", "search_failed", "not_searched",
    }
)  # fmt: skip
"""Lasting failures of a model that another model may not have. What it answers wrongly, refuses or cuts off is none."""


async def ask_with_fallback(
    models: LanguageModel,
    first: ModelRequest,
    second: ModelRequest,
    *,
    limited: bool,
    may_fall_back: Callable[[], bool],
) -> ModelAnswer:
    """The answer of the first request, else of the second, with the usage of both and `fell_back`: from which model
    and why.

    `limited`: the step has a time limit, of which the first request has its share and the second has what is left.
    Raises the failure of the second, with the usage of both; where only that of the first is temporary, that one.
    """
    begun = monotonic()
    share = first.timeout * SHARE
    try:
        return await models.complete(replace(first, timeout=share) if limited else first)
    except FlowbuilderError as problem:
        left = _left(second, problem.usage or {})
        if left is None or not falls_back(problem) or not may_fall_back():
            raise
        failed = problem
    if limited:
        left = replace(left, timeout=second.timeout - min(monotonic() - begun, share))
    spent: JsonObject = failed.usage or {}
    code = getattr(failed, "code", type(failed).__name__.lower())
    why: JsonObject = {"model": first.model, "code": code, "reason": str(failed)[:300]}
    try:
        answer = await models.complete(left)
    except FlowbuilderError as problem:
        problem.usage = {**total(spent, problem.usage or {}), "fell_back": why}
        if isinstance(failed, TransientError) and not isinstance(problem, TransientError):
            failed.usage = problem.usage
            raise failed from None
        raise
    return replace(answer, usage={**total(spent, answer.usage), "fell_back": why})


def falls_back(problem: FlowbuilderError) -> bool:
    """Whether another model may do better. Our own limits postpone the call: that is no reason for the fallback."""
    if isinstance(problem, Throttled):
        return problem.refused
    if isinstance(problem, TransientError | ConfigurationError):
        return True
    return isinstance(problem, StepError) and problem.code in CODES


def total(one: JsonObject, other: JsonObject) -> JsonObject:
    """The usage of both; `usd` is None where one of them is not known."""
    if not one or not other:
        return dict(one or other)
    numbers: dict[str, Any] = {name: one.get(name, 0) for name in {*one, *other}}
    added: JsonObject = {}
    for name, value in numbers.items():
        more = other.get(name, 0)
        added[name] = None if value is None or more is None else value + more
    return added


def _left(request: ModelRequest, spent: JsonObject) -> ModelRequest | None:
    """The request with what is left of the budget; None where nothing is."""
    if request.max_usd is not None and spent:
        usd = spent.get("usd")
        if usd is None or usd >= request.max_usd:
            return None
        request = replace(request, max_usd=request.max_usd - usd)
    if request.max_output_tokens is not None:
        left = request.max_output_tokens - int(spent.get("output_tokens") or 0)
        if left <= 0:
            return None
        request = replace(request, max_output_tokens=left)
    return request
