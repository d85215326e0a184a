"""Settings of a request, from the step and from its connection, in the words of pydantic-ai."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import ModelRequest
from flowbuilder.values import JsonObject

_NO_TOOLS = re.compile(
    r"(not|n't) support.{0,30}\btools?\b|\btools?\b.{0,40}\b(not|un)\s?(supported|available|enabled)|"
    r"support tool use|auto-tool-choice",
    re.I,
)
"""What servers say when a model cannot call tools."""


def settings_of(request: ModelRequest) -> Any:
    """The settings that the step names, and `headers` and `body` of its connection, as pydantic-ai's `ModelSettings`.

    A provider without such a setting does not get it. Raises `ConfigurationError` for headers or a body that cannot be
    sent.
    """
    given: dict[str, Any] = {
        "timeout": request.timeout,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) or None,
        "seed": request.seed,
        "thinking": False if request.reasoning == "none" else request.reasoning,
        "cache": request.cache or None,
        "citations": True if request.search is not None else None,
        "openai_include_web_search_sources": True if request.search is not None else None,
        "extra_headers": _headers(request.connection_name, request.connection),
        "extra_body": _body(request),
    }
    if request.model.startswith("anthropic:"):
        given["seed"] = None  # it has none, and the library warns
    return {name: value for name, value in given.items() if value is not None}


def output_type(request: ModelRequest) -> Any:
    """The form in which an object is asked for: a call of a tool, the provider's own, or words in the prompt."""
    from pydantic_ai import NativeOutput, PromptedOutput, StructuredDict

    if request.output_schema is None:
        return str
    described = StructuredDict(request.output_schema, name="answer")
    if request.output_mode == "native":
        return NativeOutput(described)
    return PromptedOutput(described) if request.output_mode == "prompted" else described


def prompt_of(request: ModelRequest) -> Any:
    """The prompt, as pydantic-ai takes it: with the bytes of its images, each after its number and alternative text."""
    if not request.images:
        return request.prompt
    from pydantic_ai import BinaryContent

    parts: list[Any] = [request.prompt]
    for number, image in enumerate(request.images, 1):
        if image.alt or len(request.images) > 1:
            parts.append(f"[image {number}{': ' if image.alt else ''}{image.alt}]")
        parts.append(BinaryContent(data=image.data, media_type=image.media_type))
    return parts


def ensure_sees(request: ModelRequest, profile: Mapping[str, Any]) -> None:
    """Raise `StepError` (`images_not_supported`) for images and a model that is known to see none."""
    if request.images and not profile.get("supports_image_input", True):
        message = f"{request.model} does not read images: name a model that does"
        raise StepError(message, code="images_not_supported", definitive=True)


def needs_a_prompt(request: ModelRequest, problem: StepError) -> bool:
    """Whether the model cannot call the tool that its answer would be, and may be asked for the object in words."""
    return (
        request.output_schema is not None
        and request.output_mode == "auto"
        and not request.tools
        and problem.code in ("model", "unknown_model")
        and bool(_NO_TOOLS.search(str(problem)))
    )


def _headers(name: str, connection: JsonObject) -> dict[str, str] | None:
    given = connection.get("headers")
    if not given:
        return None
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ConfigurationError(f"the headers of connection {name} are not texts by name")
    return dict(given)


def _body(request: ModelRequest) -> JsonObject | None:
    given = request.connection.get("body")
    if not given:
        return None
    if not isinstance(given, dict):
        raise ConfigurationError(f"the body of connection {request.connection_name} is not an object")
    if request.model.startswith("google:"):
        raise ConfigurationError(f"the body of connection {request.connection_name} cannot be sent to Google")
    return dict(given)
