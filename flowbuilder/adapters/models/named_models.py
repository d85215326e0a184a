"""Language models by name, through pydantic-ai. Output is validated here: the library does not do it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flowbuilder.adapters.models.providers import load_library, open_model
from flowbuilder.errors import StepError, TransientError
from flowbuilder.json_schema import problems
from flowbuilder.ports import ModelAnswer, ModelRequest, ModelTool, NoThrottle, Throttle
from flowbuilder.throttling.context import timeout_excluding_waits
from flowbuilder.values import JsonObject

REPAIRS = 2
"""The number of times that a model may repair an invalid answer before the step fails."""


class NamedModels:
    """Implements `ports.LanguageModel`: `demo:` is answered by `DemoModel`, everything else by a provider.

    Each request of a conversation counts against the limits of its connection, or without one of its provider.
    """

    def __init__(self, throttle: Throttle | None = None) -> None:
        self._throttle = throttle or NoThrottle()

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The answer, with `{requests, input_tokens, output_tokens, cache_read_tokens, usd}` as its usage.

        `usd` is None for an unknown price. Raises `TransientError` for 429 and 5xx; `StepError` when the model refuses,
        the answer stays invalid or the budget is used up.
        """
        provider = request.model.partition(":")[0]
        if provider == "demo":
            from flowbuilder.adapters.models.demo_model import DemoModel

            return await DemoModel().complete(request)
        await load_library(provider)  # not part of the model's timeout
        from pydantic_ai.exceptions import AgentRunError, UserError

        from flowbuilder.adapters.models.failures import model_failure
        from flowbuilder.adapters.models.limited_model import LimitedModel

        try:
            async with timeout_excluding_waits(request.timeout), open_model(request) as model:
                agent = _agent(LimitedModel(model, self._throttle, request), request)
                result = await agent.run(request.prompt, usage_limits=_usage_limits(request))
        except TimeoutError:
            raise TransientError(
                f"{request.model} did not answer within {request.timeout:g} s", reason="timeout"
            ) from None
        except (AgentRunError, UserError) as problem:
            raise model_failure(problem, request.model) from None
        except (AttributeError, LookupError, TypeError, ValueError) as problem:  # the library trusts the answer's form
            message = f"{request.model}: the answer cannot be read: {type(problem).__name__}: {problem!s:.200}"
            raise StepError(message, code="invalid_answer") from None
        output = {"text": result.output} if request.output_schema is None else result.output
        return ModelAnswer(output=output, usage=_usage(result.usage))


def _agent(model: Any, request: ModelRequest) -> Any:
    """The conversation with a model, which may repair an answer that does not fit the schema."""
    from pydantic_ai import Agent, ModelRetry, StructuredDict
    from pydantic_ai.settings import ModelSettings

    schema = request.output_schema
    settings: ModelSettings = {"timeout": request.timeout}
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.max_tokens is not None:
        settings["max_tokens"] = request.max_tokens
    output_type: Any = str if schema is None else StructuredDict(schema, name="answer")
    agent: Agent[Any, Any] = Agent(
        model,
        output_type=output_type,
        instructions=request.system or None,
        retries=REPAIRS,
        model_settings=settings,
        tools=[_tool(tool) for tool in request.tools],
    )
    if schema is not None:

        @agent.output_validator
        def check(output: Any) -> Any:
            found = problems(schema, output)
            if found:
                raise ModelRetry("; ".join(f"{place or '/'}: {message}" for place, message in found[:5]))
            return output

    return agent


def _usage_limits(request: ModelRequest) -> Any:
    from pydantic_ai import UsageLimits

    return UsageLimits(
        cost_limit=None if request.max_usd is None else Decimal(str(request.max_usd)),
        tool_calls_limit=request.max_tool_calls,
    )


def _tool(tool: ModelTool) -> Any:
    from pydantic_ai import ModelRetry, Tool

    async def call(**arguments: Any) -> str:
        try:
            return await tool.call(arguments)
        except TransientError:
            raise
        except StepError as problem:
            # the model chose the arguments, and may choose better ones
            raise ModelRetry(str(problem)) from None

    return Tool.from_schema(
        call, name=tool.name, description=tool.description, json_schema=tool.input_schema, takes_ctx=False
    )


def _usage(usage: Any) -> JsonObject:
    cost = getattr(usage, "cost", None)
    return {
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "usd": None if cost is None else float(cost),
    }
