"""Decorator of a model: each answer is stored in the step run's journal before it is used."""

from __future__ import annotations

from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from flowbuilder.ports import Journal
from flowbuilder.values import Json, JsonObject

VOLATILE = frozenset({"timestamp", "run_id", "conversation_id", "metadata"})
"""Fields of messages that differ when the same conversation is repeated."""


class RecordedModel(WrapperModel):
    """One request is one entry, so a repeated conversation resumes after the last stored answer."""

    def __init__(self, wrapped: Model, journal: Journal) -> None:
        super().__init__(wrapped)
        self._journal = journal

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The stored answer, else the model's, stored first."""

        async def ask() -> JsonObject:
            response = await self.wrapped.request(messages, model_settings, model_request_parameters)
            return {"messages": ModelMessagesTypeAdapter.dump_python([response], mode="json")}

        asked: Json = {"model": self.wrapped.model_id, "messages": _without_volatile(dumped(messages))}
        answer = await self._journal.get_or_ask(asked, ask)
        [response] = ModelMessagesTypeAdapter.validate_python(answer["messages"])
        assert isinstance(response, ModelResponse)
        return response


def dumped(messages: list[ModelMessage]) -> Json:
    """Messages as JSON."""
    found: Json = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    return found


def _without_volatile(value: Any) -> Json:
    if isinstance(value, dict):
        return {name: _without_volatile(inner) for name, inner in value.items() if name not in VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value
