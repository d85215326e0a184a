"""Wire formats of model providers: enough of each protocol to simulate its server in a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response

Asked = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One provider: the model's name, environment variables, URL path, and the form of its answers.

    `answer(asked, arguments)` calls the output tool that the request offers; `say` answers in plain text; `error` is
    the body of an error with a status. `streams`: whether the answer is requested as a stream of events.
    """

    model: str
    variables: dict[str, str]
    path: str
    answer: Callable[[Asked, str], Response]
    say: Callable[[Asked, str], Response]
    texts: Callable[[Asked], str]
    key: Callable[[Request], str | None]
    error: Callable[[int], Any]
    streams: bool = False

    def environment(self, base: str) -> dict[str, str]:
        """The provider's variables with its address filled in."""
        return {name: value.format(base=base) for name, value in self.variables.items()}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


def _openai(asked: Asked, message: dict[str, Any], reason: str) -> Response:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": None, **message}}
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice]}
    return _json({**answer, "usage": usage})


def _openai_call(asked: Asked, arguments: str) -> Response:
    call = {"name": asked["tools"][0]["function"]["name"], "arguments": arguments}
    return _openai(asked, {"tool_calls": [{"id": "t1", "type": "function", "function": call}]}, "tool_calls")


def _openai_say(asked: Asked, text: str) -> Response:
    return _openai(asked, {"content": text}, "stop")


def _openai_texts(asked: Asked) -> str:
    return json.dumps(asked["messages"])


def _sse(events: list[dict[str, Any]]) -> Response:
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(body, content_type="text/event-stream")


def _anthropic(asked: Asked, block: dict[str, Any], delta: dict[str, Any], reason: str) -> Response:
    usage = {"input_tokens": 120, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": asked["model"], "content": []}
    if not asked.get("stream"):
        whole = (
            {**block, "text": delta["text"]}
            if "text" in delta
            else {**block, "input": json.loads(delta["partial_json"])}
        )
        done = {"stop_reason": reason, "stop_sequence": None, "usage": {**usage, "output_tokens": 30}}
        return _json({**message, "content": [whole], **done})
    return _sse(
        [
            {
                "type": "message_start",
                "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage},
            },
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason, "stop_sequence": None},
                "usage": {"output_tokens": 30},
            },
            {"type": "message_stop"},
        ]
    )


def _anthropic_call(asked: Asked, arguments: str) -> Response:
    block = {"type": "tool_use", "id": "t1", "name": asked["tools"][0]["name"], "input": {}}
    return _anthropic(asked, block, {"type": "input_json_delta", "partial_json": arguments}, "tool_use")


def _anthropic_say(asked: Asked, text: str) -> Response:
    return _anthropic(asked, {"type": "text", "text": ""}, {"type": "text_delta", "text": text}, "end_turn")


def _google(part: dict[str, Any]) -> Response:
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 30, "totalTokenCount": 150}
    return _json(
        {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.0-flash", "responseId": "r1"}
    )


def _google_call(asked: Asked, arguments: str) -> Response:
    name = asked["tools"][0]["functionDeclarations"][0]["name"]
    return _google({"functionCall": {"name": name, "args": json.loads(arguments)}})


def _google_say(asked: Asked, text: str) -> Response:
    return _google({"text": text})


def _openai_error(status: int) -> Any:
    kinds = {400: "invalid_request_error", 401: "invalid_api_key", 429: "rate_limit_exceeded"}
    return {"error": {"message": "no luck", "type": kinds.get(status, "server_error"), "code": kinds.get(status)}}


def _anthropic_error(status: int) -> Any:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": "no luck"}}


def _google_error(status: int) -> Any:
    kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
    return {"error": {"code": status, "message": "no luck", "status": kinds.get(status, "UNAVAILABLE")}}


def _bearer(request: Request) -> str | None:
    return request.headers.get("authorization", "").removeprefix("Bearer ") or None


WIRES = {
    "openai": Wire(
        model="openai:gpt-4o-mini",
        variables={"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "{base}/v1"},
        path="/v1/chat/completions",
        answer=_openai_call,
        say=_openai_say,
        texts=_openai_texts,
        key=_bearer,
        error=_openai_error,
    ),
    "ollama": Wire(
        model="ollama:llama3.2",
        variables={"OLLAMA_BASE_URL": "{base}/v1"},
        path="/v1/chat/completions",
        answer=_openai_call,
        say=_openai_say,
        texts=_openai_texts,
        key=_bearer,
        error=_openai_error,
    ),
    "anthropic": Wire(
        model="anthropic:claude-sonnet-4-6",
        variables={"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": "{base}"},
        path="/v1/messages",
        answer=_anthropic_call,
        say=_anthropic_say,
        texts=_openai_texts,
        key=_bearer,
        error=_anthropic_error,
        streams=True,
    ),
    "google": Wire(
        model="google:gemini-2.0-flash",
        variables={"GOOGLE_API_KEY": "sk-test", "GOOGLE_BASE_URL": "{base}"},
        path="/v1beta/models/gemini-2.0-flash:generateContent",
        answer=_google_call,
        say=_google_say,
        texts=lambda asked: json.dumps(asked["contents"]),
        key=lambda request: request.headers.get("x-goog-api-key"),
        error=_google_error,
    ),
}
