"""Decorator of a model: each request counts against limits and budget, and its answer is stored, then looked at."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.messages import ModelRequest as Message
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from flowbuilder.adapters.models.failures import model_failure
from flowbuilder.adapters.models.spending import Spending
from flowbuilder.adapters.models.stop_reasons import (
    accepted_reasons,
    is_empty,
    is_text,
    same_answer,
    stop_failure,
    stop_of,
    text_of,
)
from flowbuilder.adapters.models.web_search import search_failure
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import ModelRequest, Throttle
from flowbuilder.ports.throttle import Kind
from flowbuilder.values import Json, JsonObject, digest, ensure_json

VOLATILE = frozenset({"timestamp", "run_id", "conversation_id", "metadata"})
"""Fields of messages that differ when the same conversation is repeated."""
MAX_PARTS = 20
"""Maximum number of answers that one continued text is made of."""
MAX_COMPLAINT = 2_000
"""Number of characters that are kept of what a model was told about its answer."""
_SYSTEM = re.compile(r"<system[^<>]{0,40}>(.*)</system>", re.S)
_MARKED = re.compile(r"<pyai:(\w+)>\n(.*?)\n</pyai:", re.S)
THE_REST = "Your answer was cut off. Continue exactly where it stops: repeat nothing, and write only the rest."


class LimitedModel(WrapperModel):
    """The model of one step run. Its requests count against the limits of the connection; without one, of the provider.

    Where the request has a journal, each answer is an entry, stored before it is used: a repeated conversation resumes
    after the last stored answer, and a stored answer makes no call. An answer that was cut off, filtered or refused
    raises `StepError`; with `on_cut_off: continue` the rest of a text is asked for.
    """

    def __init__(self, wrapped: Model, throttle: Throttle, request: ModelRequest, spending: Spending) -> None:
        super().__init__(wrapped)
        self._throttle = throttle
        self._name, self._journal = request.model, request.journal
        self._accepted = accepted_reasons(request.connection_name, request.connection)
        self._continues = request.on_cut_off == "continue"
        self._spending = spending
        self.last: ModelResponse | None = None
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
        response = await self._answer(messages, model_settings, model_request_parameters)
        parts = 1
        while self._continues and stop_of(response) == "cut_off" and is_text(response) and parts < MAX_PARTS:
            instructions = next((m.instructions for m in reversed(messages) if isinstance(m, Message)), None)
            so_far = replace(response, parts=[TextPart(text_of(response))])
            ask = Message(parts=[UserPromptPart(THE_REST)], instructions=instructions)
            rest = await self._answer([*messages, so_far, ask], model_settings, model_request_parameters)
            if is_empty(rest):
                break
            response = replace(rest, parts=[TextPart(text_of(response) + text_of(rest))])
            parts += 1
        failure = stop_failure(response, self._name, self._accepted) or search_failure(response, self._name)
        if failure is not None and not isinstance(failure, TransientError):  # a temporary one is raised by `_ask`
            raise failure
        self._ensure_changed(messages, response, model_request_parameters)
        self.last = response
        return response

    async def _answer(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        left = self._spending.tokens_left()
        if left is not None:
            model_settings = {
                **(model_settings or {}),
                "max_tokens": min((model_settings or {}).get("max_tokens", left), left),
            }
        ask = partial(self._ask, messages, model_settings, model_request_parameters)
        if self._journal is None:
            answer = await ask()
        else:
            dumped = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
            asked: Json = {"model": self.wrapped.model_id, "messages": _without_volatile(dumped)}
            answer = await self._journal.get_or_ask(asked, ask)
        [response] = ModelMessagesTypeAdapter.validate_python(answer["messages"])
        assert isinstance(response, ModelResponse)
        self._spending.add(self.wrapped, response)
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
            broken = stop_failure(response, self._name, self._accepted) or search_failure(response, self._name)
            if isinstance(broken, TransientError):  # not stored: the next attempt asks again
                self._spending.add(self.wrapped, response)
                raise broken
        cost = self._spending.cost(self.wrapped, response)
        dumped = ModelMessagesTypeAdapter.dump_python([response], mode="json")
        return {
            "messages": ensure_json(dumped, where=self._name, long_integers_as_text=True),
            "model": self._name,
            "asked": asked_of(messages),
            "usd": None if cost is None else float(cost),
        }

    def _ensure_changed(
        self, messages: list[ModelMessage], response: ModelResponse, parameters: ModelRequestParameters
    ) -> None:
        """Raise `StepError` for an answer that was complained about and is repeated: asking again buys the same."""
        before = self.last
        offered = {tool.name for tool in parameters.function_tools}
        calls = [part.tool_name for part in response.parts if isinstance(part, ToolCallPart)]
        if before is None or offered.intersection(calls) or not same_answer(before, response):
            return
        complaint = complaint_in(messages[-1])
        code = "empty_answer" if is_empty(response) else "invalid_answer"
        what = "is empty" if is_empty(response) else "is wrong"
        message = (
            f"{self._name}: the answer {what}, and stayed the same when the model was asked to repair it: {complaint}"
        )
        raise StepError(message[:600], code=code)


def asked_of(messages: list[ModelMessage]) -> list[Json]:
    """What is new to the model in the last request, for people: its parts, shortened. `fields` stands for the texts of
    the step's own fields, and the answers of tools are left out: both are known."""
    return [_shown_part(part) for part in messages[-1].parts[:MAX_PARTS]]


def _shown_part(part: Any) -> Json:
    if isinstance(part, UserPromptPart):
        return {"role": "user", "text": THE_REST} if part.content == THE_REST else "fields"
    tool = getattr(part, "tool_name", None)
    if isinstance(part, ToolReturnPart) and part.outcome == "success":
        return {"role": "tool", "tool": tool}
    return {"role": "complaint", "tool": tool, "text": _complaint(part)[:MAX_COMPLAINT]}


def complaint_in(message: ModelMessage) -> str:
    """What the model was told about its answer, in one line of at most 400 characters."""
    return _complaint(message.parts[-1])[:400]


def _complaint(part: Any) -> str:
    """The complaint in one line; pydantic-ai encloses one about a text in marks."""
    content = getattr(part, "content", "")
    if isinstance(content, str):
        marked = _MARKED.search(content)
        content = marked[2] if marked else content
        if (system := _SYSTEM.fullmatch(content.strip())) is not None:
            content = system[1]
        if marked and marked[1] == "validation_errors":
            content = json.loads(content)
    items = content if isinstance(content, list | tuple) else [content]
    lines = [str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in items]
    return " ".join("; ".join(lines).split())


def _without_volatile(value: Any) -> Json:
    """A message as it is compared: without what differs each time, and with the hashes of its images."""
    if isinstance(value, dict):
        if value.get("kind") == "binary":
            return {"kind": "binary", "media_type": value["media_type"], "sha256": digest(value["data"])}
        return {name: _without_volatile(inner) for name, inner in value.items() if name not in VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value
