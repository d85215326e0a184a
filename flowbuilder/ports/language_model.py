"""Port of language models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from flowbuilder.ports.engine import Journal
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ModelTool:
    """A tool that a model may call: `call` takes arguments valid against the schema and returns a text."""

    name: str
    description: str
    input_schema: JsonObject
    call: Callable[[JsonObject], Awaitable[str]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """A request to a language model. `model` is `provider:name`; `timeout` is in seconds, for all of it."""

    model: str
    prompt: str
    system: str = ""
    output_schema: JsonObject | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    timeout: float = 120.0
    connection: JsonObject = field(default_factory=dict, repr=False)
    connection_name: str = ""
    """Connection whose limits apply; empty: those of the provider."""
    tools: tuple[ModelTool, ...] = ()
    max_tool_calls: int = 20
    journal: Journal | None = field(default=None, repr=False)
    """Stores each answer of the conversation before it is used; None: not stored."""


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """The model's answer: the validated object, or `{"text": ...}` without a schema; `usage` has tokens and usd."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


class LanguageModel(Protocol):
    """Language models by name. The output is valid against the schema, else `StepError`."""

    async def complete(self, request: ModelRequest) -> ModelAnswer: ...
