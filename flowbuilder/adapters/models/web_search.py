"""Searches of the web that a provider makes for its model: what is asked for, what was found, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic_ai.messages import ModelMessage, ModelResponse, NativeToolReturnPart, TextPart
from pydantic_ai.native_tools import WebSearchTool

from flowbuilder.errors import FlowbuilderError, StepError, Transience, TransientError
from flowbuilder.ports import ModelRequest, WebSearch
from flowbuilder.values import JsonObject

PROVIDERS = ("anthropic", "google", "openai")
MAX_SOURCES = 200
MAX_URL, MAX_TITLE = 2_000, 500
_PASSES: dict[str, Transience] = {
    "too_many_requests": "rate_limit", "unavailable": "server_error", "failed": "server_error",
}  # fmt: skip
"""Why a search failed, where another attempt may succeed; `failed` is all that OpenAI says."""
_NO_SEARCH = re.compile(
    r"(web.?search|search.?grounding|google_search|hosted tool|tool type).{0,120}"
    r"\b(not|isn't|unable|unsupported|unknown|disabled|did not match)\b|"
    r"\b(not|un)\s?(support|enabled|available)\w*.{0,80}(web.?search|search.?grounding|google_search)",
    re.I | re.S,
)
"""What providers say when the model or the account may not search."""


def search_tool(search: WebSearch) -> WebSearchTool:
    """The search in the words of pydantic-ai."""
    return WebSearchTool(
        allowed_domains=list(search.allowed_domains) or None,
        blocked_domains=list(search.blocked_domains) or None,
        max_uses=search.max_searches,
    )


def ensure_searches(request: ModelRequest, profile: Mapping[str, Any] | None = None) -> None:
    """Raise `StepError` (`search_not_supported`) for a search by a provider, or model, that is known to have none."""
    if request.search is None:
        return
    supported = WebSearchTool in (profile or {}).get("supported_native_tools", {WebSearchTool})
    if request.model.partition(":")[0] not in PROVIDERS or not supported:
        known = ", ".join(PROVIDERS)
        message = f"{request.model} does not search the web: name a model of {known} that does"
        raise StepError(message, code="search_not_supported", definitive=True)


def no_search(request: ModelRequest, problem: StepError) -> StepError:
    """The failure of a request; with a name of its own where the server says that the model cannot search."""
    if request.search is None or problem.code != "model" or not _NO_SEARCH.search(str(problem)):
        return problem
    return StepError(str(problem), code="search_not_supported")


def search_failure(response: ModelResponse, model: str) -> FlowbuilderError | None:
    """The error for an answer all of whose searches failed; None where one was made, or none was tried."""
    results = list(_results(response))
    reasons = [reason for result in results if (reason := _failed(result)) is not None]
    if not reasons or len(reasons) < len(results):
        return None
    message = f"{model}: the web search failed: {reasons[0]}"
    passing = _PASSES.get(reasons[0])
    if passing is not None:
        return TransientError(message, reason=passing)
    return StepError(message, code="search_failed")


def found_pages(messages: Sequence[ModelMessage], text: str, request: ModelRequest) -> JsonObject:
    """`{text, sources: [{url, title, cited}]}`: the pages that the answer cites, then the others that were found.

    Raises `StepError`: `not_searched` where nothing was searched, `invalid_answer` for a page outside of the domains.
    """
    assert request.search is not None
    responses = [message for message in messages if isinstance(message, ModelResponse)]
    cited = {url: title for response in responses for url, title in _cited(response) if _is_web(url)}
    found = {
        url: title
        for response in responses
        for result in _results(response)
        for url, title in _listed(result)
        if _is_web(url)
    }
    if not cited and not any(_failed(result) is None for response in responses for result in _results(response)):
        raise StepError(f"{request.model}: the model answered without a search of the web", code="not_searched")
    for url in (*cited, *found):
        _ensure_allowed(url, request)
    titles = {**found, **{url: title or found.get(url, "") for url, title in cited.items()}}
    urls = list(dict.fromkeys((*cited, *found)))[:MAX_SOURCES]
    return {
        "text": text,
        "sources": [{"url": url, "title": titles[url][:MAX_TITLE], "cited": url in cited} for url in urls],
    }


def _results(response: ModelResponse) -> Iterator[Any]:
    """The result of each search in an answer, as its provider gave it."""
    for part in response.parts:
        if isinstance(part, NativeToolReturnPart) and part.tool_name == WebSearchTool.kind:
            yield part.content


def _failed(result: Any) -> str | None:
    """Why a search failed; None for one that did not."""
    if not isinstance(result, Mapping):
        return None
    reason = result.get("error_code") or (result.get("status") == "failed" and "failed")
    return str(reason)[:60] if reason else None


def _listed(result: Any) -> Iterator[tuple[str, str]]:
    """The pages that a search found, with their titles: Anthropic lists them, others have them in `sources`."""
    pages = result.get("sources") if isinstance(result, Mapping) else result
    for page in pages if isinstance(pages, list) else ():
        if isinstance(page, Mapping):
            yield str(page.get("url") or page.get("uri") or ""), str(page.get("title") or "")


def _cited(response: ModelResponse) -> Iterator[tuple[str, str]]:
    for part in response.parts:
        for citation in (part.citations or ()) if isinstance(part, TextPart) else ():
            for source in citation.sources:
                yield str(getattr(source, "url", "")), str(source.title or "")


def _is_web(url: str) -> bool:
    return len(url) <= MAX_URL and re.match(r"https?://[^/]", url, re.I) is not None


def _ensure_allowed(url: str, request: ModelRequest) -> None:
    assert request.search is not None
    allowed, blocked = request.search.allowed_domains, request.search.blocked_domains
    host = (urlsplit(url).hostname or "").lower().rstrip(".")
    if (allowed and not _within(host, allowed)) or _within(host, blocked):
        message = f"{request.model}: the search was limited to other domains, and its answer has a page of {host:.100}"
        raise StepError(message, code="invalid_answer")


def _within(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
