"""Wire formats of model providers: how each protocol writes a text, a call, an end, an error."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Asked = dict[str, Any]
Stop = Literal["end", "call", "length", "filter", "refusal"]


@dataclass(frozen=True)
class Sent:
    """An HTTP answer of a server. A body of several parts is sent part by part; `delay` is in seconds.

    `resets`: the connection is closed in place of an answer.
    """

    body: str | bytes | Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0
    resets: bool = False


class Wire(ABC):
    """One protocol: the model's name, the provider's environment variables, the path of its URL, and its answers."""

    name: ClassVar[str]
    model: ClassVar[str]
    variables: ClassVar[dict[str, str]]
    path: ClassVar[str]
    streams: ClassVar[bool] = False
    """Whether the answer is requested as a stream of events."""
    choices: ClassVar[str] = "choices"
    """The member of an answer that lists the alternatives."""

    def environment(self, base: str) -> dict[str, str]:
        """The provider's variables with its address filled in."""
        return {name: value.format(base=base) for name, value in self.variables.items()}

    @abstractmethod
    def message(self, asked: Asked, *, text: str | None, arguments: str | None, stop: Stop) -> Any:
        """The answer with a text or a call of the output tool that the request offers, and why the model stopped."""

    @abstractmethod
    def error_body(self, status: int, message: str, code: str | None = None) -> Any:
        """The body of an error."""

    @abstractmethod
    def limit(self, asked: Asked) -> int | None:
        """The maximum of output tokens in the request, in the word that the server obeys; None without one."""

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key of a request."""
        return headers.get("authorization", "").removeprefix("Bearer ") or None

    def texts(self, asked: Asked) -> str:
        """The conversation of a request, as JSON."""
        return json.dumps(asked["messages"])

    @abstractmethod
    def images(self, asked: Asked) -> list[tuple[str, bytes]]:
        """The images of a request in their order: type and bytes."""

    def send(self, asked: Asked, answer: Any) -> Sent:
        """The answer as it is sent."""
        return Sent(json.dumps(answer))

    def answer(self, asked: Asked, arguments: str) -> Sent:
        """A call of the output tool with these arguments."""
        return self.send(asked, self.message(asked, text=None, arguments=arguments, stop="call"))

    def say(self, asked: Asked, text: str, stop: Stop = "end") -> Sent:
        """A text; one that is longer than the request allows is cut off. A word is a token."""
        limit, words = self.limit(asked), text.split(" ")
        if limit is not None and len(words) > limit:
            text, stop = " ".join(words[:limit]), "length"
        return self.send(asked, self.message(asked, text=text, arguments=None, stop=stop))

    def error(self, status: int, message: str = "no luck", code: str | None = None) -> Any:
        """The body of an error."""
        return self.error_body(status, message, code)


class OpenAIWire(Wire):
    """Chat completions of OpenAI: `max_completion_tokens` is obeyed, and `max_tokens` rejected where `strict`."""

    name = "openai"
    path = "/v1/chat/completions"
    model = "openai:gpt-4o-mini"
    variables: ClassVar[dict[str, str]] = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "{base}/v1"}
    stops: ClassVar[dict[Stop, str]] = {
        "end": "stop", "call": "tool_calls", "length": "length", "filter": "content_filter", "refusal": "stop",
    }  # fmt: skip

    def message(self, asked: Asked, *, text: str | None, arguments: str | None, stop: Stop) -> Any:
        """The answer in this protocol."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if stop == "refusal":
            message = {"role": "assistant", "content": None, "refusal": text}
        if arguments is not None:
            name = asked["tools"][0]["function"]["name"]
            call = {"id": "t1", "type": "function", "function": {"name": name, "arguments": arguments}}
            message["tool_calls"] = [call]
        choice = {"index": 0, "finish_reason": self.stops[stop], "message": message}
        usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
        head = {"id": "c1", "object": "chat.completion", "created": 1, "model": asked["model"]}
        return {**head, "choices": [choice], "usage": usage}

    def error_body(self, status: int, message: str, code: str | None = None) -> Any:
        """The body of an error in this protocol."""
        kinds = {400: "invalid_request_error", 401: "invalid_api_key", 402: "insufficient_quota",
                 404: "model_not_found", 429: "rate_limit_exceeded"}  # fmt: skip
        kind = kinds.get(status)
        return {"error": {"message": message, "type": kind or "server_error", "code": code or kind}}

    def limit(self, asked: Asked) -> int | None:
        """The maximum in the word that this server obeys."""
        return asked.get("max_completion_tokens") or asked.get("max_tokens")

    def images(self, asked: Asked) -> list[tuple[str, bytes]]:
        """The images, each a `data:` URL in this protocol; another URL would be one that the provider fetches."""
        urls = [part["image_url"]["url"] for part in _parts(asked["messages"], "content") if "image_url" in part]
        split = [url.removeprefix("data:").partition(";base64,") for url in urls]
        return [(kind, b64decode(data, validate=True)) for kind, _, data in split]


class OllamaWire(OpenAIWire):
    """OpenAI's protocol as local servers speak it: only `max_tokens` is obeyed, and a key is not needed."""

    name = "ollama"
    model = "ollama:llama3.2"
    variables: ClassVar[dict[str, str]] = {"OLLAMA_BASE_URL": "{base}/v1"}

    def error_body(self, status: int, message: str, code: str | None = None) -> Any:
        """The body of an error in this protocol."""
        kinds = {400: "invalid_request_error", 404: "not_found_error"}
        return {"error": {"message": message, "type": kinds.get(status, "api_error"), "param": None, "code": code}}

    def limit(self, asked: Asked) -> int | None:
        """The maximum in the word that this server obeys."""
        return asked.get("max_tokens")


class AnthropicWire(Wire):
    """Messages of Anthropic, whole or as a stream of events."""

    name = "anthropic"
    path = "/v1/messages"
    model = "anthropic:claude-sonnet-4-6"
    variables: ClassVar[dict[str, str]] = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": "{base}"}
    streams = True
    choices = "content"
    stops: ClassVar[dict[Stop, str]] = {
        "end": "end_turn", "call": "tool_use", "length": "max_tokens", "filter": "refusal", "refusal": "refusal",
    }  # fmt: skip

    def message(self, asked: Asked, *, text: str | None, arguments: str | None, stop: Stop) -> Any:
        """The answer in this protocol."""
        blocks: list[dict[str, Any]] = [] if not text else [{"type": "text", "text": text}]
        if arguments is not None:
            blocks.append({"type": "tool_use", "id": "t1", "name": asked["tools"][0]["name"], "input": arguments})
        head = {"id": "m1", "type": "message", "role": "assistant", "model": asked["model"]}
        usage = {"input_tokens": 120, "output_tokens": 30}
        return {**head, "content": blocks, "stop_reason": self.stops[stop], "stop_sequence": None, "usage": usage}

    def send(self, asked: Asked, answer: Any) -> Sent:
        """The answer as it is sent: whole, or as a stream where that is asked for."""
        if asked.get("stream") and answer.get("type") == "message":
            return Sent(_events(answer), content_type="text/event-stream")
        for block in answer.get("content") or []:
            if isinstance(block.get("input"), str):
                block["input"] = json.loads(block["input"])
        return Sent(json.dumps(answer))

    def error_body(self, status: int, message: str, code: str | None = None) -> Any:
        """The body of an error in this protocol."""
        kinds = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
                 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}  # fmt: skip
        return {"type": "error", "error": {"type": code or kinds.get(status, "api_error"), "message": message}}

    def limit(self, asked: Asked) -> int | None:
        """The maximum in the word that this server obeys."""
        return asked.get("max_tokens")

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key, in the header of this provider."""
        return headers.get("x-api-key") or super().key(headers)

    def images(self, asked: Asked) -> list[tuple[str, bytes]]:
        """The images, in blocks of this protocol; also those in the result of a tool."""
        blocks = _parts(asked["messages"], "content")
        inside = [inner for block in blocks for inner in (_parts([block], "content") or [block])]
        sources = [block["source"] for block in inside if block.get("type") == "image"]
        return [(source["media_type"], b64decode(source["data"], validate=True)) for source in sources]


class GoogleWire(Wire):
    """`generateContent` of Google's Gemini API."""

    name = "google"
    path = "/v1beta/models/gemini-2.0-flash:generateContent"
    model = "google:gemini-2.0-flash"
    variables: ClassVar[dict[str, str]] = {"GOOGLE_API_KEY": "sk-test", "GOOGLE_BASE_URL": "{base}"}
    choices = "candidates"
    stops: ClassVar[dict[Stop, str]] = {
        "end": "STOP", "call": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "PROHIBITED_CONTENT",
    }  # fmt: skip

    def message(self, asked: Asked, *, text: str | None, arguments: str | None, stop: Stop) -> Any:
        """The answer in this protocol."""
        parts: list[dict[str, Any]] = [] if not text else [{"text": text}]
        if arguments is not None:
            name = asked["tools"][0]["functionDeclarations"][0]["name"]
            parts.append({"functionCall": {"name": name, "args": json.loads(arguments)}})
        candidate: dict[str, Any] = {"finishReason": self.stops[stop], "index": 0}
        if parts:
            candidate["content"] = {"role": "model", "parts": parts}
        usage = {"promptTokenCount": 120, "candidatesTokenCount": 30, "totalTokenCount": 150}
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": "gemini-2.0-flash",
            "responseId": "r1",
        }

    def error_body(self, status: int, message: str, code: str | None = None) -> Any:
        """The body of an error in this protocol."""
        kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
                 500: "INTERNAL"}  # fmt: skip
        return {
            "error": {
                "code": status,
                "message": message,
                "status": code or kinds.get(status, "UNAVAILABLE" if status > 500 else "FAILED_PRECONDITION"),
            }
        }

    def limit(self, asked: Asked) -> int | None:
        """The maximum in the word that this server obeys."""
        return (asked.get("generationConfig") or {}).get("maxOutputTokens")

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key, in the header of this provider."""
        return headers.get("x-goog-api-key")

    def texts(self, asked: Asked) -> str:
        """The conversation of a request, as JSON."""
        return json.dumps(asked["contents"])

    def images(self, asked: Asked) -> list[tuple[str, bytes]]:
        """The images, as inline data in this protocol."""
        blobs = [part["inlineData"] for part in _parts(asked["contents"], "parts") if "inlineData" in part]
        # the SDK writes this member in its other spelling, and base64 with the characters of URLs
        return [(blob.get("mimeType") or blob["mime_type"], urlsafe_b64decode(blob["data"])) for blob in blobs]


def _parts(messages: list[Asked], name: str) -> list[Asked]:
    """The parts of all messages, where they are objects."""
    found = [part for message in messages if isinstance(message.get(name), list) for part in message[name]]
    return [part for part in found if isinstance(part, dict)]


def _events(message: dict[str, Any]) -> str:
    """A message of Anthropic as a stream of events."""
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 120, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        empty, deltas = _deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    searches = {name: value for name, value in message["usage"].items() if name == "server_tool_use"}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 30, **searches}})
    events.append({"type": "message_stop"})
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as a stream begins it, and what the stream adds to it."""
    if block["type"] == "text":
        cited = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
        return {**block, "text": "", "citations": None}, [*cited, {"type": "text_delta", "text": block["text"]}]
    if "input" not in block:
        return block, []
    given = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": given}]


WIRES: dict[str, Wire] = {
    wire.name: wire for wire in (OpenAIWire(), OllamaWire(), AnthropicWire(), GoogleWire())
}  # fmt: skip
"""The wire formats by name."""
