"""Decorator of a model: each request counts against the limits of its connection, and its answer is stored first."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from flowbuilder.adapters.models.failures import model_failure
from flowbuilder.errors import TransientError
from flowbuilder.ports import ModelRequest, Throttle
from flowbuilder.ports.throttle import Kind
from flowbuilder.values import Json, JsonObject

VOLATILE = frozenset({"timestamp", "run_id", "conversation_id", "metadata"})
"""Fields of messages that differ when the same conversation is repeated."""


class LimitedModel(WrapperModel):
    """The model of one step run. Its requests count against the limits of the connection; without one, of the provider.

    Where the request has a journal, each answer is an entry, stored before it is used: a repeated conversation resumes
    after the last stored answer, and a stored answer makes no call.
    """

    def __init__(self, wrapped: Model, throttle: Throttle, request: ModelRequest) -> None:
        super().__init__(wrapped)
        self._throttle = throttle
        self._name, self._journal = request.model, request.journal
        self._limit_key: tuple[str, Kind] = (
            (request.connection_name, "connection")
            if request.connection_name
            else (request.model.partition(":")[0], "provider")
        )

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The stored answer, else the model's, stored first."""
        ask = partial(self._ask, messages, model_settings, model_request_parameters)
        if self._journal is None:
            answer = await ask()
        else:
            dumped = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
            asked: Json = {"model": self.wrapped.model_id, "messages": _without_volatile(dumped)}
            answer = await self._journal.get_or_ask(asked, ask)
        [response] = ModelMessagesTypeAdapter.validate_python(answer["messages"])
        assert isinstance(response, ModelResponse)
        return response

    async def _ask(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> JsonObject:
        """The model's answer as JSON. A transient failure is a `TransientError`, so that the throttle sees it."""
        name, kind = self._limit_key
        async with self._throttle.acquire(name, kind=kind):
            try:
                response = await self.wrapped.request(messages, model_settings, model_request_parameters)
            except ModelAPIError as problem:
                failure = model_failure(problem, self._name)
                if isinstance(failure, TransientError):
                    raise failure from None
                raise
        return {"messages": ModelMessagesTypeAdapter.dump_python([response], mode="json")}


def _without_volatile(value: Any) -> Json:
    if isinstance(value, dict):
        return {name: _without_volatile(inner) for name, inner in value.items() if name not in VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value
