"""Any language model, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """A request to a language model. `model` is `provider:name`; `facts` is data for the deterministic demo model."""

    model: str
    prompt: str
    system: str = ""
    output_schema: JsonObject | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    timeout: float = 120.0
    connection: JsonObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """The model's answer: the validated object, or `{"text": ...}` without a schema; `usage` has tokens and usd."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


class LanguageModel(Protocol):
    """Any model by name. The output is valid against the schema, or a `StepError` says why it is not."""

    async def complete(self, request: ModelRequest) -> ModelAnswer: ...
