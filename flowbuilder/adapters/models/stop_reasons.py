"""Why a model stopped: an answer that was cut off, filtered or refused is a failure with a name, never an answer."""

from __future__ import annotations

import json
from typing import Literal

from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart

from flowbuilder.errors import ConfigurationError, FlowbuilderError, StepError, TransientError
from flowbuilder.values import JsonObject

Stop = Literal["cut_off", "filtered", "refused", "failed", "untold", "unknown"]

_COMPLETE = {"stop", "stop_sequence", "end_turn", "tool_calls", "tool_call", "tool_use", "function_call", "eos",
             "eos_token", "complete", "completed", "pause_turn"}  # fmt: skip
_CUT_OFF = {"length", "max_tokens", "max_output_tokens", "max_output", "model_length", "max_length", "token_limit",
            "model_context_window_exceeded", "continuation", "repetition", "error_limit"}  # fmt: skip
_FILTERED = {"content_filter", "content_filtered", "safety", "guardrail_intervened", "sensitive", "recitation",
             "blocklist", "prohibited_content", "spii", "model_armor", "error_toxic"}  # fmt: skip
_FAILED = {"error", "failed", "abort", "aborted", "cancelled", "canceled", "user_cancel", "timeout", "time_limit",
           "network_error", "insufficient_system_resource", "load", "unload", "other", "finish_reason_unspecified",
           "malformed_response"}  # fmt: skip
"""Words of servers that gave up: vLLM's `abort`, DeepSeek's lack of resources, Ollama's `load`, Google's `OTHER`."""
_REPAIRED = {"malformed_function_call", "unexpected_tool_call"}
"""Google's words for a call that is no call: the model is asked again, as after any wrong answer."""


def accepted_reasons(name: str, connection: JsonObject) -> frozenset[str]:
    """The `finish_reasons` of a connection, in lower case: its server's own words for a complete answer, and `none`
    where it sends no reason. `ConfigurationError` for what is no list of words."""
    given = connection.get("finish_reasons")
    if given is None:
        return frozenset()
    if not isinstance(given, list) or not all(word is None or (isinstance(word, str) and word) for word in given):
        raise ConfigurationError(
            f"the finish_reasons of connection {name} are not a list of words, such as [done] or [none]"
        )
    return frozenset((word or "none").lower() for word in given)


def stop_of(response: ModelResponse, accepted: frozenset[str] = frozenset()) -> Stop | None:
    """How the answer ended; None for an answer that the model ended itself.

    Servers that speak the protocol of OpenAI have their own words for the reasons, which pydantic-ai does not know; it
    also takes an answer without a reason for a complete one. `accepted`: see `accepted_reasons`.
    """
    details = response.provider_details or {}
    own = str(details.get("finish_reason") or "").lower()
    if details.get("refusal") or own == "refusal":
        return "refused"
    if own in _CUT_OFF or (own and response.finish_reason == "length"):
        return "cut_off"
    if response.finish_reason == "content_filter" or own in _FILTERED:
        return "filtered"
    if own in _REPAIRED or (own or "none") in accepted:
        return None
    if own in _FAILED or response.finish_reason == "error":
        return "failed"
    if not own:
        return None if _is_whole_call(response) else "untold"
    return None if own in _COMPLETE else "unknown"


def stop_failure(
    response: ModelResponse, model: str, accepted: frozenset[str] = frozenset()
) -> FlowbuilderError | None:
    """The error for an answer that the model did not end itself, or whose end cannot be told; None for any other."""
    stop = stop_of(response, accepted)
    details = response.provider_details or {}
    own = f" ({details['finish_reason']})" if details.get("finish_reason") else ""
    if stop == "cut_off":
        tokens = response.usage.output_tokens
        after = f" after {tokens} tokens" if tokens else ""
        hint = "raise max_tokens, ask for less, or write on_cut_off: continue for a text"
        return StepError(f"{model}: the answer was cut off{after}: {hint}", code="answer_cut_off")
    if stop == "filtered":
        words = details.get("block_reason_message") or details.get("block_reason") or ""
        return StepError(f"{model}: the provider's filter stopped the answer{own} {words}".rstrip(),
                         code="content_filter")  # fmt: skip
    if stop == "refused":
        words = str(details.get("refusal") or text_of(response) or "")[:300]
        return StepError(f"{model}: the model refused to answer: {words}".rstrip(": "), code="refusal")
    if stop == "failed":
        return TransientError(f"{model}: the model stopped with an error{own}", reason="server_error")
    if stop == "untold":
        message = f"{model}: the server does not say why the answer ended, so it may be cut off (a server that never "
        return TransientError(
            message + "says it: write finish_reasons: [none] into its connection)", reason="connection"
        )
    if stop == "unknown":
        word = str(details["finish_reason"])[:60]
        message = f"{model}: the answer ended for a reason that is not known, {word!r}: if that is a complete answer, "
        return StepError(message + "name it in finish_reasons of the connection", code="unknown_finish_reason")
    return None


def _is_whole_call(response: ModelResponse) -> bool:
    """Whether the answer calls tools, and the arguments of each call end where JSON ends.

    Some servers give no reason beside calls. Anthropic always does: without one its stream was broken off.
    """
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    return bool(calls) and response.provider_name != "anthropic" and all(_is_object(call.args) for call in calls)


def _is_object(arguments: object) -> bool:
    if not isinstance(arguments, str):
        return isinstance(arguments, dict)
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def text_of(response: ModelResponse) -> str:
    """The text of an answer, without the model's reasoning."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def is_empty(response: ModelResponse) -> bool:
    """Whether the answer has neither a text nor a call nor a file."""
    return all(
        isinstance(part, ThinkingPart) or (isinstance(part, TextPart) and not part.content.strip())
        for part in response.parts
    )


def is_text(response: ModelResponse) -> bool:
    """Whether the answer is a text and calls no tool, so that it can be continued."""
    return not is_empty(response) and not any(isinstance(part, ToolCallPart) for part in response.parts)


def same_answer(one: ModelResponse, other: ModelResponse) -> bool:
    """Whether two answers say the same; identifiers, usage and the model's reasoning are not compared."""

    def said(response: ModelResponse) -> list[object]:
        return [
            (part.tool_name, part.args_as_json_str()) if isinstance(part, ToolCallPart) else part.content
            for part in response.parts
            if isinstance(part, ToolCallPart | TextPart)
        ]

    return said(one) == said(other)
