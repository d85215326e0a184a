"""Language models by name, through pydantic-ai. Output is validated here: the library does not do it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from flowbuilder.adapters.models.providers import load_library, open_model
from flowbuilder.adapters.models.settings import ensure_sees, needs_a_prompt, output_type, prompt_of, settings_of
from flowbuilder.adapters.models.spending import Spending
from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.json_schema import problems
from flowbuilder.ports import ModelAnswer, ModelRequest, ModelTool, NoThrottle, Throttle
from flowbuilder.throttling.context import time_not_counted, timeout_excluding_waits
from flowbuilder.values import Json, ensure_json

TOOL_ENDS = frozenset(("effect_unknown", "mcp_tool_changed"))
"""Codes of failures of a tool that end the conversation: no other arguments would help, or the call may have been
made."""
REPAIRS = 2
"""The number of times that a model may repair an invalid answer before the step fails."""


class NamedModels:
    """Implements `ports.LanguageModel`: `demo:` is answered by `DemoModel`, everything else by a provider.

    Each request of a conversation counts against the limits of its connection, or without one of its provider.
    """

    def __init__(self, throttle: Throttle | None = None) -> None:
        self._throttle = throttle or NoThrottle()

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The answer, with `{requests, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, usd}` as
        its usage.

        `usd` is None for an unknown price. Raises `TransientError` for 429 and 5xx; `StepError` when the answer was cut
        off, filtered or refused, stays invalid or empty, or the budget is used up; `ConfigurationError` for a key that
        is missing or refused. The errors have the usage of the answers before them.
        """
        if request.model.startswith("demo:"):
            from flowbuilder.adapters.models.demo_model import DemoModel

            ensure_sees(request, {"supports_image_input": False})
            if request.search is not None:
                message = f"{request.model} does not search the web"
                raise StepError(message, code="search_not_supported", definitive=True)
            return await DemoModel().complete(request)
        spending = Spending(request)
        try:
            try:
                output = await self._converse(request, spending)
            except StepError as problem:
                if not needs_a_prompt(request, problem):
                    raise
                output = await self._converse(replace(request, output_mode="prompted"), spending)
        except FlowbuilderError as problem:
            problem.usage = spending.usage() if spending.spent else None
            raise
        return ModelAnswer(output=output, usage=spending.usage())

    async def _converse(self, request: ModelRequest, spending: Spending) -> Json:
        async with AsyncExitStack() as stack:
            with time_not_counted():  # timeouts count from the request, not from an import
                await load_library(request.model.partition(":")[0])
                from pydantic_ai.exceptions import AgentRunError, UserError

                from flowbuilder.adapters.models.failures import model_failure
                from flowbuilder.adapters.models.limited_model import LimitedModel
                from flowbuilder.adapters.models.web_search import ensure_searches, found_pages, no_search

                ensure_searches(request)
                model = await stack.enter_async_context(open_model(request))
                spending.ensure_priced(model)
                ensure_sees(request, model.profile)
                ensure_searches(request, model.profile)
                limited = LimitedModel(model, self._throttle, request, spending)
                agent = _agent(limited, request)
            try:
                # a little less than the time limit of the step, which would not know the cost
                async with timeout_excluding_waits(request.timeout * 0.99):
                    result = await agent.run(
                        prompt_of(request), message_history=_examples(request), usage_limits=_usage_limits(request)
                    )
            except TimeoutError:
                message = f"{request.model} did not answer within {request.timeout:g} s"
                raise TransientError(message, reason="timeout") from None
            except (AgentRunError, UserError) as problem:
                failed = _failed_repair(problem, limited.last, request) or model_failure(problem, request.model)
                raise no_search(request, failed) if isinstance(failed, StepError) else failed from None
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
                # the library trusts the form
                message = f"{request.model}: the answer cannot be read: {type(problem).__name__}: {problem!s:.200}"
                raise StepError(message, code="invalid_answer") from None
        if request.search is not None:
            return found_pages(result.new_messages(), result.output, request)
        return {"text": result.output} if request.output_schema is None else result.output


def _agent(model: Any, request: ModelRequest) -> Any:
    """The conversation with a model, which may repair an answer that does not fit the schema."""
    from pydantic_ai import Agent, ModelRetry
    from pydantic_ai.capabilities import NativeTool

    from flowbuilder.adapters.models.web_search import search_tool

    schema = request.output_schema
    capabilities = [NativeTool(search_tool(request.search))] if request.search is not None else []
    agent: Agent[Any, Any] = Agent(
        model,
        output_type=output_type(request),
        instructions=request.system or None,
        retries=REPAIRS,
        model_settings=settings_of(request),
        tools=[_tool(tool) for tool in request.tools],
        capabilities=capabilities,
    )
    if schema is not None:

        @agent.output_validator
        def check(output: Any) -> Any:
            output = ensure_json(output, where="the answer", long_integers_as_text=True)
            found = problems(schema, output)
            if found:
                raise ModelRetry("; ".join(f"{place or '/'}: {message}" for place, message in found[:5]))
            return output

    return agent


def _examples(request: ModelRequest) -> Any:
    from pydantic_ai import messages

    return [
        messages.ModelRequest(parts=[messages.UserPromptPart(text)], instructions=request.system or None)
        if role == "user"
        else messages.ModelResponse(parts=[messages.TextPart(text)], finish_reason="stop")
        for role, text in request.messages
    ]


def _usage_limits(request: ModelRequest) -> Any:
    from pydantic_ai import UsageLimits

    return UsageLimits(tool_calls_limit=request.max_tool_calls)


def _failed_repair(problem: Exception, last: Any, request: ModelRequest) -> StepError | None:
    """The error for an answer that is still wrong after the last repair, with the last complaint; None for another."""
    cause = problem.__cause__
    if last is None or "output retries" not in str(problem) or cause is None:
        return None
    from flowbuilder.adapters.models.stop_reasons import is_empty

    errors = getattr(cause, "errors", None)  # of pydantic
    found = [error["msg"] for error in errors()[:5]] if callable(errors) else [str(cause)]
    message = f"{request.model}: the answer is still wrong after {REPAIRS} repairs: {'; '.join(found)}"
    return StepError(message[:600], code="empty_answer" if is_empty(last) else "invalid_answer")


def _tool(tool: ModelTool) -> Any:
    from pydantic_ai import BinaryContent, ModelRetry, Tool

    async def call(**arguments: Any) -> Any:
        try:
            answer = await tool.call(arguments)
        except StepError as problem:
            if isinstance(problem, TransientError) or problem.code in TOOL_ENDS:
                raise
            # the model chose the arguments, and may choose better ones
            raise ModelRetry(str(problem)) from None
        images = [BinaryContent(data=image.data, media_type=image.media_type) for image in answer.images]
        return [answer.text, *images] if images else answer.text

    return Tool.from_schema(
        call, name=tool.name, description=tool.description, json_schema=tool.input_schema, takes_ctx=False
    )
