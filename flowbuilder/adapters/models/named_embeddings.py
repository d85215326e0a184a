"""Embedding models by name, through pydantic-ai. Each batch is recorded before it is used: it has been paid."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

from flowbuilder.adapters.models.providers import load_library, open_embedding_model
from flowbuilder.adapters.models.spending import TOKENS, Spending
from flowbuilder.errors import FlowbuilderError, StepError, TransientError
from flowbuilder.ports import EmbeddingRequest, Embeddings, ModelRequest, NoThrottle, Throttle
from flowbuilder.ports.throttle import Kind
from flowbuilder.throttling.context import time_not_counted, timeout_excluding_waits
from flowbuilder.values import Json, JsonObject

BATCH = 100
"""The number of texts in one request: the most that Google takes."""
MAX_NUMBERS = 500_000
"""The most numbers of all vectors together: about 10 MB as JSON."""


class NamedEmbeddings:
    """Implements `ports.EmbeddingModel`. Each request counts against the limits of its connection, or provider."""

    def __init__(self, throttle: Throttle | None = None) -> None:
        self._throttle = throttle or NoThrottle()

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors, with `{requests, input_tokens, ..., usd}` as their usage, in requests of `BATCH` texts."""
        asked = ModelRequest(
            model=request.model,
            prompt="",
            max_usd=request.max_usd,
            timeout=request.timeout,
            connection=request.connection,
            connection_name=request.connection_name,
        )
        spending = Spending(asked)
        try:
            vectors = await self._vectors(request, asked, spending)
        except FlowbuilderError as problem:
            problem.usage = spending.usage() if spending.spent else None
            raise
        return Embeddings(vectors=tuple(vectors), usage=spending.usage())

    async def _vectors(
        self, request: EmbeddingRequest, asked: ModelRequest, spending: Spending
    ) -> list[tuple[float, ...]]:
        vectors: list[tuple[float, ...]] = []
        async with AsyncExitStack() as stack:
            with time_not_counted():  # timeouts count from the request, not from an import
                await load_library(request.model.partition(":")[0])
                model = await stack.enter_async_context(open_embedding_model(asked))
                spending.ensure_priced(model)
            try:
                async with timeout_excluding_waits(request.timeout * 0.99):
                    for start in range(0, len(request.texts), BATCH):
                        batch = request.texts[start : start + BATCH]
                        spending.tokens_left()
                        answer = await self._recorded(request, model, batch, spending)
                        spending.add(model, _priced(answer))
                        vectors += map(tuple, answer["embeddings"])
                        _ensure_bounded(vectors, len(request.texts))
            except TimeoutError:
                message = f"{request.model} did not answer within {request.timeout:g} s"
                raise TransientError(message, reason="timeout") from None
        if len({len(vector) for vector in vectors}) > 1:
            raise StepError(f"{request.model}: its vectors differ in length", code="invalid_answer")
        return vectors

    async def _recorded(
        self, request: EmbeddingRequest, model: Any, batch: tuple[str, ...], spending: Spending
    ) -> JsonObject:
        async def ask() -> JsonObject:
            answer = await self._ask(request, model, batch)
            cost = spending.cost(model, _priced(answer))
            return {**answer, "usd": None if cost is None else float(cost)}

        if request.journal is None:
            return await ask()
        key: Json = {
            "embed": request.model,
            "texts": list(batch),
            "input_type": request.input_type,
            "dimensions": request.dimensions,
        }
        return await request.journal.get_or_ask(key, ask)

    async def _ask(self, request: EmbeddingRequest, model: Any, batch: tuple[str, ...]) -> JsonObject:
        from pydantic_ai.exceptions import AgentRunError, UserError

        from flowbuilder.adapters.models.failures import model_failure
        from flowbuilder.adapters.models.settings import settings_of

        given = settings_of(ModelRequest(model=request.model, prompt="", connection=request.connection))
        settings = {name: given[name] for name in ("extra_headers", "extra_body") if name in given}
        if request.dimensions is not None:
            settings["dimensions"] = request.dimensions
        named: tuple[str, Kind] = (request.connection_name, "connection")
        name, kind = named if named[0] else (request.model.partition(":")[0], "provider")
        async with self._throttle.acquire(name, kind=kind):
            try:
                found = await model.embed(list(batch), input_type=request.input_type, settings=settings or None)
            except (AgentRunError, UserError) as problem:
                raise model_failure(problem, request.model) from None
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
                # the library trusts the form
                message = f"{request.model}: the answer cannot be read: {type(problem).__name__}: {problem!s:.200}"
                raise StepError(message, code="invalid_answer") from None
        vectors = [_numbers(vector, request.model) for vector in found.embeddings]
        if len(vectors) != len(batch):
            message = f"{request.model}: it answered {len(vectors)} vectors for {len(batch)} texts"
            raise StepError(message, code="invalid_answer")
        usage = {name: int(getattr(found.usage, name)) for name in TOKENS}
        return {"embeddings": vectors, "usage": usage, "model": str(found.model_name or "")}


def _priced(answer: JsonObject) -> SimpleNamespace:
    """What the price of an answer is computed from."""
    return SimpleNamespace(usage=SimpleNamespace(**answer["usage"]), model_name=answer["model"])


def _numbers(vector: Any, model: str) -> list[float]:
    usable = isinstance(vector, list | tuple) and vector
    if not usable or not all(isinstance(one, int | float) and math.isfinite(one) for one in vector):
        raise StepError(f"{model}: a vector is not a list of numbers", code="invalid_answer")
    return [float(one) for one in vector]


def _ensure_bounded(vectors: list[tuple[float, ...]], texts: int) -> None:
    """Raise `StepError` as soon as the vectors for so many texts are known to be too many numbers."""
    numbers = len(vectors[0]) * texts
    if numbers > MAX_NUMBERS:
        message = (
            f"{texts:,} vectors of {len(vectors[0]):,} numbers are more than {MAX_NUMBERS:,} numbers: "
            "give fewer texts, or ask for fewer dimensions"
        )
        raise StepError(message, code="too_large")
