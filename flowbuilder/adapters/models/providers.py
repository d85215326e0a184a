"""Opens a pydantic-ai model of a provider, with key and address from a connection or the provider's own variables."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import ModelRequest, ensure_provider
from flowbuilder.ports.allowed_hosts import ensure_host
from flowbuilder.values import JsonObject

Opener = Callable[[str, ModelRequest], AbstractAsyncContextManager[Any]]
"""Opens a model: takes its name (without the provider) and the request."""

GOOGLE_URL = "https://generativelanguage.googleapis.com"
OLLAMA_URL = "http://localhost:11434/v1"
_LIBRARIES = {
    "anthropic": (
        "pydantic_ai.models.anthropic",
        "pydantic_ai.providers.anthropic",
        "anthropic.resources.beta.messages",
    ),
    "google": ("pydantic_ai.models.google", "pydantic_ai.providers.google"),
    "openai": (
        "pydantic_ai.models.openai",
        "pydantic_ai.providers.openai",
        "openai.resources.chat.completions",
        "openai.resources.responses",
    ),
}
"""What each provider needs, with what its SDK would import at the first request."""


@asynccontextmanager
async def open_model(request: ModelRequest) -> AsyncIterator[Any]:
    """The pydantic-ai model of a request, closed at the end. The provider's SDK does not retry: the step does.

    A provider without an opener is taken for OpenAI-compatible when the connection has a `base_url`. `StepError` when
    it has none, `ConfigurationError` without a key.
    """
    provider, _, name = request.model.partition(":")
    if not name:
        raise StepError(f"model {request.model!r:.60} is not of the form provider:name", code="unknown_model")
    ensure_provider(request.connection_name, request.connection, request.model, written=provider)
    await load_library(provider)
    opener = _open_responses if request.search is not None and provider == "openai" else _OPENERS.get(provider)
    opener = opener or (_open_chat if request.connection.get("base_url") else None)
    if opener is None:
        known = ", ".join(sorted((*_OPENERS, "demo")))
        raise StepError(
            f"model {request.model!r:.60}: provider {provider!r:.30} is not known (known: {known}); for an "
            "OpenAI-compatible server, name a connection with a base_url",
            code="unknown_model",
        )
    # a client per request: a shared one would be bound to the event loop it was first used in
    async with opener(name, request) as model:
        yield model


async def load_library(provider: str) -> None:
    """Import a provider's SDK in a thread: it takes a second or more, and the event loop is shared."""
    await asyncio.to_thread(_import, _LIBRARIES.get(provider, _LIBRARIES["openai"]))


@asynccontextmanager
async def _open_anthropic(name: str, request: ModelRequest) -> AsyncIterator[Any]:
    import anthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    async with anthropic.AsyncAnthropic(
        api_key=_key(request.connection, "ANTHROPIC_API_KEY"),
        base_url=_address(request.connection, "ANTHROPIC_BASE_URL"),
        max_retries=0,
        timeout=request.timeout,
        http_client=_client(request, "content"),
    ) as client:
        ensure_host(str(client.base_url))
        yield AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))


@asynccontextmanager
async def _open_google(name: str, request: ModelRequest) -> AsyncIterator[Any]:
    from pydantic_ai.models.google import GoogleModel

    async with _google_provider(request, "candidates") as access:
        yield GoogleModel(name, provider=access)


def _openai_access(request: ModelRequest) -> tuple[str, str | None]:
    address = _address(request.connection, "OPENAI_BASE_URL")
    return _key(request.connection, "OPENAI_API_KEY", needed=address is None), address  # own servers rarely need one


def _ollama_access(request: ModelRequest) -> tuple[str, str | None]:
    address = _address(request.connection, "OLLAMA_BASE_URL") or OLLAMA_URL
    return str(request.connection.get("api_key") or "ollama"), address


def _compatible_access(request: ModelRequest) -> tuple[str, str | None]:
    return str(request.connection.get("api_key") or "none"), _address(request.connection)


_ACCESS = {"openai": _openai_access, "ollama": _ollama_access}
"""The key and the address of providers that speak OpenAI's protocol; of others they are those of the connection."""


@asynccontextmanager
async def _openai_provider(request: ModelRequest, member: str) -> AsyncIterator[Any]:
    """What pydantic-ai needs of a server that speaks OpenAI's protocol; its answers have the list `member`."""
    import openai
    from pydantic_ai.providers.openai import OpenAIProvider

    key, address = _ACCESS.get(request.model.partition(":")[0], _compatible_access)(request)
    async with openai.AsyncOpenAI(
        api_key=key,
        base_url=address,
        max_retries=0,
        timeout=request.timeout,
        http_client=_client(request, member),
    ) as client:
        ensure_host(str(client.base_url))
        yield OpenAIProvider(openai_client=client)


@asynccontextmanager
async def _google_provider(request: ModelRequest, member: str) -> AsyncIterator[Any]:
    from pydantic_ai.providers.google import GoogleProvider

    async with _client(request, member) as http:
        key = _key(request.connection, "GOOGLE_API_KEY", "GEMINI_API_KEY")
        address = _address(request.connection, "GOOGLE_BASE_URL")
        ensure_host(address or GOOGLE_URL)
        yield GoogleProvider(api_key=key, base_url=address, http_client=http)


@asynccontextmanager
async def _open_chat(name: str, request: ModelRequest) -> AsyncIterator[Any]:
    """Open a model with OpenAI's chat completions API."""
    from pydantic_ai.models.openai import OpenAIChatModel

    async with _openai_provider(request, "choices") as provider:
        new_word = OpenAIChatModel(name, provider=provider)
        if is_openai(provider.base_url):
            yield new_word
            return
        from pydantic_ai.profiles.openai import OpenAIModelProfile

        from flowbuilder.adapters.models.length_word import EitherWord

        profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
        old_word = OpenAIChatModel(name, provider=provider, profile=profile)
        yield EitherWord(old_word, new_word)


@asynccontextmanager
async def _open_responses(name: str, request: ModelRequest) -> AsyncIterator[Any]:
    """Open a model with OpenAI's responses API, which searches the web."""
    from pydantic_ai.models.openai import OpenAIResponsesModel

    async with _openai_provider(request, "output") as provider:
        yield OpenAIResponsesModel(name, provider=provider)


@asynccontextmanager
async def open_embedding_model(request: ModelRequest) -> AsyncIterator[Any]:
    """The embedding model of a request, closed at the end. Raises as `open_model`; `unknown_model` for a provider that
    has none."""
    provider, _, name = request.model.partition(":")
    ensure_provider(request.connection_name, request.connection, request.model, written=provider)
    if provider == "google":
        from pydantic_ai.embeddings.google import GoogleEmbeddingModel

        async with _google_provider(request, "embeddings") as access:
            yield GoogleEmbeddingModel(name, provider=access)
        return
    if provider not in _ACCESS and (provider in (*_OPENERS, "demo") or not request.connection.get("base_url")):
        raise StepError(
            f"model {request.model!r:.60}: no embedding models of {provider!r:.30} are known (known: google, ollama, "
            "openai); for an OpenAI-compatible server, name a connection with a base_url",
            code="unknown_model",
        )
    from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel

    async with _openai_provider(request, "data") as access:
        yield OpenAIEmbeddingModel(name, provider=access)


def is_openai(address: str) -> bool:
    """Whether the server is OpenAI's or Azure's own, which takes `max_completion_tokens` and refuses `max_tokens`."""
    host = (urlsplit(address).hostname or "").lower()
    return host == "api.openai.com" or host.endswith((".openai.azure.com", ".services.ai.azure.com"))


_OPENERS: dict[str, Opener] = {
    "anthropic": _open_anthropic,
    "google": _open_google,
    "ollama": _open_chat,
    "openai": _open_chat,
}


def _client(request: ModelRequest, member: str) -> Any:
    """An HTTP client that follows no redirect, because the headers hold the key, and bounds and checks the answers."""
    import httpx2

    from flowbuilder.adapters.bounded_answers import MAX_MODEL_ANSWER, NOT_COMPRESSED, bounded_answers
    from flowbuilder.adapters.models.answer_checks import answer_check
    from flowbuilder.adapters.models.stream_checks import check_events

    checks = [*bounded_answers(MAX_MODEL_ANSWER)["response"], answer_check(member)]
    return httpx2.AsyncClient(
        headers=NOT_COMPRESSED,
        timeout=request.timeout,
        verify=_tls(),
        follow_redirects=False,
        event_hooks={"response": [*checks, check_events] if member == "content" else checks},
    )


@cache
def _tls() -> ssl.SSLContext:
    """The certificates that are trusted, read once: reading them takes 10 ms."""
    import httpx2

    return httpx2.create_ssl_context()


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        import_module(name)


def _key(connection: JsonObject, *variables: str, needed: bool = True) -> str:
    if connection.get("api_key"):
        return str(connection["api_key"])
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    if needed:
        raise ConfigurationError(f"set {variables[0]}, or name a connection with an api_key")
    return "none"


def _address(connection: JsonObject, variable: str = "") -> str | None:
    found = connection.get("base_url") or (os.environ.get(variable) if variable else None)
    return str(found) if found else None
