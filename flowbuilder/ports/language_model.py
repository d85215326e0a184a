"""Port of language models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from flowbuilder.errors import StepError
from flowbuilder.ports.engine import Journal
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ModelImage:
    """An image for a model: its bytes, and its type (PNG, JPEG, GIF or WebP). `alt` is shown with it."""

    data: bytes = field(repr=False)
    media_type: str
    alt: str = ""


@dataclass(frozen=True, kw_only=True)
class ToolAnswer:
    """What a model is told by a tool that it called: a text, and images that belong to it."""

    text: str
    images: tuple[ModelImage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelTool:
    """A tool that a model may call: `call` takes arguments valid against the schema."""

    name: str
    description: str
    input_schema: JsonObject
    call: Callable[[JsonObject], Awaitable[ToolAnswer]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class WebSearch:
    """How a model searches the web: in some domains with their subdomains only, not in others, at most so often."""

    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()
    max_searches: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """A request to a language model. `model` is `provider:name`; `timeout` is in seconds, for all of it."""

    model: str
    prompt: str
    system: str = ""
    messages: tuple[tuple[Literal["user", "assistant"], str], ...] = ()
    """An example conversation before the prompt."""
    images: tuple[ModelImage, ...] = ()
    """Images after the prompt, in their order. `StepError` (`images_not_supported`) where the model sees none."""
    output_schema: JsonObject | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: str | None = None
    """How much a model thinks before it answers: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`."""
    cache: bool | str = False
    """Whether the provider is asked to keep the prompt in its cache; a text is for how long: `5m` or `1h`."""
    output_mode: Literal["auto", "tool", "native", "prompted"] = "auto"
    """How an object is asked for: as a call of a tool, by the provider's own structured output, or in words. `auto`: as
    a call, and in words of a model that calls no tools."""
    on_cut_off: Literal["fail", "continue"] = "fail"
    """`continue`: the rest of a text that was cut off is asked for."""
    max_usd: float | None = None
    max_output_tokens: int | None = None
    """Output tokens of all answers together; `max_tokens` are those of one."""
    timeout: float = 120.0
    connection: JsonObject = field(default_factory=dict, repr=False)
    connection_name: str = ""
    """Connection whose limits apply; empty: those of the provider."""
    search: WebSearch | None = None
    """The model searches the web before it answers. `StepError`: `search_not_supported` where it cannot,
    `search_failed`, `not_searched` where it did not. The output is `{text, sources: [{url, title, cited}]}` then."""
    tools: tuple[ModelTool, ...] = ()
    max_tool_calls: int = 20
    journal: Journal | None = field(default=None, repr=False)
    """Stores each answer of the conversation before it is used; None: not stored."""


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """The model's answer: the validated object, or `{"text": ...}` without a schema; `usage` has tokens and usd."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


_HOSTS = {
    "api.anthropic.com": "anthropic", "api.openai.com": "openai", "generativelanguage.googleapis.com": "google",
}  # fmt: skip
_KEYS = (("sk-ant-", "anthropic"), ("AIza", "google"), ("sk-", "openai"))


def provider_of(connection: Mapping[str, Any]) -> str | None:
    """The provider that a connection belongs to: its `provider`, else that of its `base_url`, else that of its key.

    None for a key without a known form, and for another `base_url`: a key is sent to that address only.
    """
    if connection.get("provider"):
        return str(connection["provider"])
    base = str(connection.get("base_url") or "")
    if base:
        return _HOSTS.get((urlsplit(base).hostname or "").lower())
    key = str(connection.get("api_key") or "")
    return next((provider for prefix, provider in _KEYS if key.startswith(prefix)), None)


def ensure_provider(name: str, connection: Mapping[str, Any], model: str, *, written: str | None) -> None:
    """Raise `StepError` (`wrong_provider`) unless the connection belongs to the provider of the model.

    A connection that does not say its provider belongs to the one that is `written` in the definition; where that is a
    template, it must have a `base_url`.
    """
    provider = model.partition(":")[0]
    if provider == "demo" or not (connection.get("api_key") or connection.get("headers")):
        return
    owner = provider_of(connection) or written or (provider if connection.get("base_url") else None)
    if owner == provider:
        return
    if owner is None:
        message = (
            f"the connection {name} does not say which provider its key is for, and model is a template: "
            f"add provider: {provider:.30} to the connection if it is for {provider:.30}"
        )
    else:
        message = (
            f"the connection {name} belongs to {owner:.30}, so its key is not sent for {model:.60}: "
            f"name a connection of {provider:.30} (for a fallback, in fallback_connection)"
        )
    raise StepError(message, code="wrong_provider", definitive=True)


class LanguageModel(Protocol):
    """Language models by name. The output is valid against the schema, else `StepError`."""

    async def complete(self, request: ModelRequest) -> ModelAnswer: ...
