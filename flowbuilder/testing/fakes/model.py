"""Language model with given answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowbuilder.adapters.models.example_value import example_value
from flowbuilder.errors import StepError
from flowbuilder.json_schema import problems
from flowbuilder.ports import EmbeddingRequest, Embeddings, ModelAnswer, ModelRequest
from flowbuilder.values import Json, JsonObject, digest

Reply = Json | Exception


class FakeEmbeddings:
    """Vectors of `dimensions` numbers (8 without) that depend on nothing but the text. `requests` records them."""

    def __init__(self) -> None:
        self.requests: list[EmbeddingRequest] = []

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """A vector for each text; the usage is that of no cost."""
        self.requests.append(request)
        size = request.dimensions or 8
        vectors = [[int(digest([text, place])[:8], 16) / 2**32 for place in range(size)] for text in request.texts]
        usage: JsonObject = {"requests": 1, "input_tokens": 0, "output_tokens": 0, "usd": 0.0}
        return Embeddings(vectors=tuple(map(tuple, vectors)), usage=usage)


Replies = Callable[[ModelRequest], Reply] | Sequence[Reply] | Mapping[str, Reply]


class FakeModel:
    """Answers from a function of the request, a list in turn (the last one repeats), or a map by model name.

    Without replies, the answer is the smallest sensible object for the schema, or `{"text": "fake answer"}`. A text
    means `{"text": ...}`, without sources where the web is searched. An answer that does not match the request's schema
    is a `StepError`.
    """

    def __init__(self, replies: Replies | None = None, *, usage: JsonObject | None = None) -> None:
        self._replies = replies
        self._usage = usage or {"requests": 1, "input_tokens": 0, "output_tokens": 0, "usd": 0.0}
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The answer in the request's journal, else the next one."""

        async def ask() -> JsonObject:
            answer = await self._answer(request)
            return {"output": answer.output, "usage": answer.usage}

        if request.journal is None:
            return await self._answer(request)
        known = await request.journal.get_or_ask({"model": request.model, "prompt": request.prompt}, ask)
        return ModelAnswer(output=known["output"], usage=known["usage"])

    async def _answer(self, request: ModelRequest) -> ModelAnswer:
        self.requests.append(request)
        reply = self._reply(request)
        if isinstance(reply, Exception):
            raise reply
        if request.output_schema is None:
            sources: JsonObject = {} if request.search is None else {"sources": []}
            output: Json = {"text": reply, **sources} if isinstance(reply, str) else reply
        else:
            output = reply
            found = problems(request.output_schema, output)
            if found:
                raise StepError(f"the answer does not match its schema: {found[0][1]}", code="schema_mismatch")
        return ModelAnswer(output=output, usage=dict(self._usage))

    def _reply(self, request: ModelRequest) -> Reply:
        replies = self._replies
        if replies is None:
            return example_value(request.output_schema) if request.output_schema else "fake answer"
        if callable(replies):
            return replies(request)
        if isinstance(replies, Mapping):
            if request.model not in replies:
                raise StepError(f"the fake knows no model {request.model}", code="unknown_model")
            return replies[request.model]
        return replies[min(len(self.requests), len(replies)) - 1]
