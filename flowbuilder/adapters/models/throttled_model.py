"""Decorator of a model: each request counts against the limits of its connection."""

from __future__ import annotations

from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from flowbuilder.adapters.models.failures import model_failure
from flowbuilder.errors import TransientError
from flowbuilder.ports import ModelRequest, Throttle
from flowbuilder.ports.throttle import Kind


class ThrottledModel(WrapperModel):
    """Limits a model's requests by its connection; without one, by its provider."""

    def __init__(self, wrapped: Model, throttle: Throttle, request: ModelRequest) -> None:
        super().__init__(wrapped)
        self._throttle = throttle
        self._name = request.model
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
        """The model's answer. A transient failure is raised as `TransientError`, so that the throttle sees it."""
        name, kind = self._limit_key
        async with self._throttle.acquire(name, kind=kind):
            try:
                return await self.wrapped.request(messages, model_settings, model_request_parameters)
            except ModelAPIError as problem:
                failure = model_failure(problem, self._name)
                if isinstance(failure, TransientError):
                    raise failure from None
                raise
