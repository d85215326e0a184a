"""Opening a model of a provider: keys and addresses from a connection, or from the provider's own variables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import ModelRequest
from flowbuilder.values import JsonObject

PROVIDERS = ("anthropic", "demo", "google", "ollama", "openai")
_LIBRARIES = {
    "anthropic": ("pydantic_ai.models.anthropic", "pydantic_ai.providers.anthropic"),
    "google": ("pydantic_ai.models.google", "pydantic_ai.providers.google"),
    "openai": ("pydantic_ai.models.openai", "pydantic_ai.providers.openai"),
}
OLLAMA = "http://localhost:11434/v1"


@asynccontextmanager
async def opened_model(request: ModelRequest) -> AsyncIterator[Any]:
    """The pydantic-ai model of a request, closed at the end. The provider's SDK does not retry: the step does.

    A provider that is not one of `PROVIDERS` is taken for OpenAI-compatible when the connection has a `base_url`.
    """
    provider, _, name = request.model.partition(":")
    connection = request.connection
    if not name:
        raise StepError(f"model {request.model!r:.60} is not of the form provider:name", code="unknown_model")
    await load_library(provider)
    # a client per request: one that is shared would be bound to the event loop it was first used in
    if provider == "anthropic":
        import anthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        async with anthropic.AsyncAnthropic(
            api_key=_key(connection, "ANTHROPIC_API_KEY"),
            base_url=_address(connection, "ANTHROPIC_BASE_URL"),
            max_retries=0,
            timeout=request.timeout,
        ) as client:
            yield AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
    elif provider == "google":
        import httpx2
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        async with httpx2.AsyncClient(timeout=request.timeout) as http:
            key, address = _key(connection, "GOOGLE_API_KEY", "GEMINI_API_KEY"), _address(connection, "GOOGLE_BASE_URL")
            yield GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=address, http_client=http))
    elif provider in ("ollama", "openai") or connection.get("base_url"):
        import openai
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        if provider == "ollama":
            address, key = _address(connection, "OLLAMA_BASE_URL") or OLLAMA, str(connection.get("api_key") or "ollama")
        elif provider == "openai":
            address = _address(connection, "OPENAI_BASE_URL")
            # servers of one's own rarely want a key
            key = _key(connection, "OPENAI_API_KEY", needed=address is None)
        else:
            address, key = _address(connection), str(connection.get("api_key") or "none")
        async with openai.AsyncOpenAI(
            api_key=key, base_url=address, max_retries=0, timeout=request.timeout
        ) as openai_client:
            yield OpenAIChatModel(name, provider=OpenAIProvider(openai_client=openai_client))
    else:
        known = ", ".join(PROVIDERS)
        raise StepError(
            f"model {request.model!r:.60}: provider {provider!r:.30} is not known (known: {known}); for an "
            "OpenAI-compatible server, name a connection with a base_url",
            code="unknown_model",
        )


async def load_library(provider: str) -> None:
    """Import what talks to a provider: in a thread, for it takes a second or more and others share this event loop."""
    await asyncio.to_thread(_import, _LIBRARIES.get(provider, _LIBRARIES["openai"]))


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
