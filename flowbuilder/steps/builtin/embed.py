"""`embed`: texts as vectors of numbers, by an embedding model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr

from flowbuilder import ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.steps.model_step import written_provider
from flowbuilder.steps.step import Completed, Record, Step, StepResult, StepRun, Templated
from flowbuilder.values import Json

MAX_TEXTS = 5_000
Text = Annotated[str, Field(min_length=1)]
if TYPE_CHECKING:
    Texts = tuple[str, ...]
else:
    Texts = Annotated[
        Annotated[tuple[Text, ...], Field(min_length=1, max_length=MAX_TEXTS)] | Text,
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ]


class EmbedBudget(Record):
    """Maximum cost of one step run in USD; it needs a model with a known price."""

    usd: float = Field(gt=0)


class Embed(Step):
    """Turn texts into vectors by an embedding model, `provider:name`; texts of one meaning have vectors that are close.

    The vectors are in the order of the texts, and all of one length. OpenAI, Google, Ollama and servers that speak
    OpenAI's protocol have such models. `input_type` says whether the texts are searched for (`query`) or found
    (`document`).
    """

    cooperative: ClassVar[bool] = True
    model: Templated[str]
    connection: str | None = None
    given: Templated[Texts] = Field(alias="texts", description="one text, or a list")
    input_type: Literal["document", "query"] = "document"
    dimensions: Templated[Annotated[int, Field(ge=1, le=16_384)] | None] = None
    budget: EmbedBudget | None = None
    _provider: str | None = PrivateAttr(default=None)

    class Output(BaseModel, defer_build=True):
        """`embeddings` has a list of numbers for each text; `usage` is `{requests, input_tokens, usd}`, with null as
        `usd` where the price is not known."""

        embeddings: list[list[float]]
        model: str
        usage: dict[str, float | None]

    def bind(self, context: Mapping[str, Json]) -> Self:
        """The bound step, which knows the provider that the definition names."""
        bound = super().bind(context)
        bound._provider = written_provider(self.model)
        return bound

    async def run(self, run: StepRun) -> StepResult:
        """Raises `StepError` (`too_large`) for more numbers than a step may have."""
        if run.ports.embeddings is None:
            raise ConfigurationError("this installation has no adapter of embedding models")
        if ":" not in self.model:
            message = (
                f"model {self.model!r:.60} is not of the form provider:name, such as openai:text-embedding-3-small"
            )
            raise StepError(message, code="invalid_field", detail={"field": "model"})
        connection = await run.ports.connections.get(self.connection) if self.connection else {}
        if self.connection:
            ports.ensure_provider(self.connection, connection, self.model, written=self._provider)
        limits: dict[str, Any] = {} if self.timeout_seconds is None else {"timeout": self.timeout_seconds}
        answer = await run.ports.embeddings.embed(
            ports.EmbeddingRequest(
                model=self.model,
                texts=self.given,
                input_type=self.input_type,
                dimensions=self.dimensions,
                max_usd=self.budget.usd if self.budget else None,
                connection=connection,
                connection_name=self.connection or "",
                journal=run.ports.journal,
                **limits,
            )
        )
        used = {name: answer.usage.get(name) for name in ("requests", "input_tokens", "usd")}
        vectors = [list(vector) for vector in answer.vectors]
        output: Json = {"embeddings": vectors, "model": self.model, "usage": used}
        return Completed(output=output, usage={"model": self.model, **answer.usage})
