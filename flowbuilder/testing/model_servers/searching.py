"""Searches of the web in the wire formats of OpenAI's responses API, of Anthropic and of Google."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from flowbuilder.testing.model_servers.wires import Asked, OpenAIWire, Sent, Stop, Wire

Page = tuple[str, str]
"""The URL and the title of a page."""


class ResponsesWire(OpenAIWire):
    """OpenAI's responses API, which the server `openai` speaks at `/v1/responses`."""

    path = "/v1/responses"
    choices = "output"
    reasons: ClassVar[dict[Stop, str]] = {"length": "max_output_tokens", "filter": "content_filter"}

    def message(self, asked: Asked, *, text: str | None, arguments: str | None, stop: Stop) -> Any:
        """The answer with a text; `arguments` are not supported."""
        part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
        if stop == "refusal":
            part = {"type": "refusal", "refusal": text}
        said = {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [part]}
        return self.response(asked, [said] if text else [], stop)

    def response(self, asked: Asked, output: list[dict[str, Any]], stop: Stop = "end") -> dict[str, Any]:
        """The answer with these items."""
        reason = self.reasons.get(stop)
        return {
            "id": "r1", "object": "response", "created_at": 1, "model": asked["model"], "error": None,
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": asked.get("tools", []),
            "usage": {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 30,
                      "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 150},
        }  # fmt: skip

    def limit(self, asked: Asked) -> int | None:
        """The maximum in the word that this server obeys."""
        return asked.get("max_output_tokens")

    def texts(self, asked: Asked) -> str:
        """The conversation of a request, as JSON."""
        return json.dumps([asked.get("instructions"), asked["input"]])


RESPONSES = ResponsesWire()


def searched(
    text: str, *pages: Page, query: str = "tea", failed: str | None = None, consulted: Sequence[Page] = ()
) -> Any:
    """A reply of a model that searched: a text that cites these pages; `consulted` were found and are not cited.

    `failed`: the search failed for this reason, an `error_code` of Anthropic; OpenAI only says that it did, and Google
    answers without a search.
    """

    def reply(wire: Wire, asked: Asked) -> Sent:
        if isinstance(wire, ResponsesWire):
            return wire.send(asked, wire.response(asked, _openai(text, pages, query, failed, consulted)))
        if wire.name == "anthropic":
            answer = wire.message(asked, text=None, arguments=None, stop="end")
            answer["content"] = _anthropic(text, pages, query, failed, consulted)
            answer["usage"]["server_tool_use"] = {"web_search_requests": 0 if failed else 1}
            return wire.send(asked, answer)
        if wire.name != "google":
            raise ValueError(f"the protocol {wire.name} has no search of the web")
        answer = wire.message(asked, text=text, arguments=None, stop="end")
        if failed is None:
            answer["candidates"][0]["groundingMetadata"] = _google(text, pages, query, consulted)
        return wire.send(asked, answer)

    return reply


def _openai(
    text: str, pages: Sequence[Page], query: str, failed: str | None, consulted: Sequence[Page]
) -> list[dict[str, Any]]:
    found = [] if failed else [{"type": "url", "url": url} for url, _ in (*pages, *consulted)]
    call: dict[str, Any] = {"type": "web_search_call", "id": "ws1", "status": "failed" if failed else "completed"}
    call["action"] = {"type": "search", "query": query, "sources": found}
    marks = [
        {"type": "url_citation", "start_index": 0, "end_index": len(text), "url": url, "title": title}
        for url, title in pages
    ]
    part = {"type": "output_text", "text": text, "annotations": marks}
    said = {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [part]}
    return [call, said]


def _anthropic(
    text: str, pages: Sequence[Page], query: str, failed: str | None, consulted: Sequence[Page]
) -> list[dict[str, Any]]:
    results: Any = [
        {"type": "web_search_result", "url": url, "title": title, "encrypted_content": "EqgfCioIARgB", "page_age": None}
        for url, title in (*pages, *consulted)
    ]
    if failed:
        results = {"type": "web_search_tool_result_error", "error_code": failed}
    marks = [
        {
            "type": "web_search_result_location",
            "url": url,
            "title": title,
            "cited_text": text,
            "encrypted_index": "Eo8B",
        }
        for url, title in pages
    ]
    return [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": query}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": results},
        {"type": "text", "text": text, "citations": marks},
    ]


def _google(text: str, pages: Sequence[Page], query: str, consulted: Sequence[Page]) -> dict[str, Any]:
    segment = {"startIndex": 0, "endIndex": len(text.encode()), "text": text}
    return {
        "webSearchQueries": [query],
        "searchEntryPoint": {"renderedContent": "<div>tea</div>"},
        "groundingChunks": [{"web": {"uri": url, "title": title}} for url, title in (*pages, *consulted)],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [n]} for n in range(len(pages))],
    }
