"""The word for the maximum length of an answer: servers that speak OpenAI's protocol obey one of two."""

from __future__ import annotations

from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings


class EitherWord(WrapperModel):
    """Sends `max_tokens`, which nearly all servers obey, and `max_completion_tokens` to one that asks for it.

    Local servers ignore `max_completion_tokens` and would write on without a limit; OpenAI's reasoning models, behind a
    proxy for example, reject `max_tokens`.
    """

    def __init__(self, old_word: Model, new_word: Model) -> None:
        super().__init__(old_word)
        self._new_word = new_word
        self._asks_for_new = False

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The answer; a request that was rejected for its word is sent once more, with the other."""
        if not self._asks_for_new:
            try:
                return await self.wrapped.request(messages, model_settings, model_request_parameters)
            except ModelHTTPError as problem:
                limited = "max_tokens" in (model_settings or {})
                if (
                    not limited
                    or problem.status_code not in (400, 422)
                    or "max_completion_tokens" not in str(problem.body)
                ):
                    raise
                self._asks_for_new = True
        return await self._new_word.request(messages, model_settings, model_request_parameters)
