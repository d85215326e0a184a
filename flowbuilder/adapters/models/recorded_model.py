"""A model whose answers are in the journal of the step run before anyone sees them."""

from __future__ import annotations

from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from flowbuilder.ports import Journal
from flowbuilder.values import Json, JsonObject

PASSING = frozenset({"timestamp", "run_id", "conversation_id", "metadata"})
"""What is different in the messages of the same conversation when it is held again."""


class RecordedModel(WrapperModel):
    """One request is one entry: a conversation that is held again is bought from where it broke off."""

    def __init__(self, wrapped: Model, journal: Journal) -> None:
        super().__init__(wrapped)
        self._journal = journal

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The answer in the journal, or the model's, once it is there."""

        async def ask() -> JsonObject:
            response = await self.wrapped.request(messages, model_settings, model_request_parameters)
            return {"messages": ModelMessagesTypeAdapter.dump_python([response], mode="json")}

        asked: Json = {"model": self.wrapped.model_id, "messages": _lasting(dumped(messages))}
        answer = await self._journal.get_or_ask(asked, ask)
        [response] = ModelMessagesTypeAdapter.validate_python(answer["messages"])
        assert isinstance(response, ModelResponse)
        return response


def dumped(messages: list[ModelMessage]) -> Json:
    """Messages as JSON."""
    found: Json = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    return found


def _lasting(value: Any) -> Json:
    if isinstance(value, dict):
        return {name: _lasting(inner) for name, inner in value.items() if name not in PASSING}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value
