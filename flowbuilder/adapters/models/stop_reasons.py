"""Why a model stopped: an answer that was cut off, filtered or refused is a failure with a name, never an answer."""

from __future__ import annotations

from typing import Literal

from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart

from flowbuilder.errors import FlowbuilderError, StepError, TransientError

Stop = Literal["cut_off", "filtered", "refused", "failed"]

_CUT_OFF = {"length", "max_tokens", "max_output_tokens", "model_length", "max_length", "token_limit",
            "model_context_window_exceeded"}  # fmt: skip
_FILTERED = {"content_filter", "content_filtered", "safety", "guardrail_intervened", "sensitive", "recitation",
             "blocklist", "prohibited_content", "spii"}  # fmt: skip
_REPAIRED = {"malformed_function_call", "unexpected_tool_call"}
"""Google's words for a call that is no call: the model is asked again, as after any wrong answer."""


def stop_of(response: ModelResponse) -> Stop | None:
    """How the answer ended; None for an answer that the model ended itself.

    Servers that speak the protocol of OpenAI have their own words for the reasons, which pydantic-ai does not know.
    """
    details = response.provider_details or {}
    own = str(details.get("finish_reason") or "").lower()
    if details.get("refusal") or own == "refusal":
        return "refused"
    if response.finish_reason == "length" or own in _CUT_OFF:
        return "cut_off"
    if response.finish_reason == "content_filter" or own in _FILTERED:
        return "filtered"
    if own in _REPAIRED:
        return None
    return "failed" if "error" in (response.finish_reason, own) else None


def stop_failure(response: ModelResponse, model: str) -> FlowbuilderError | None:
    """The error for an answer that the model did not end itself; None for any other."""
    stop = stop_of(response)
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
    if response.provider_name == "anthropic" and not own:  # always given, unless the stream was broken off
        return TransientError(f"{model}: the answer ended without a stop reason", reason="connection")
    return None


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
