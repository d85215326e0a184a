"""Port of embedding models: texts as vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from flowbuilder.ports.engine import Journal
from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True)
class EmbeddingRequest:
    """Texts for an embedding model. `model` is `provider:name`; `timeout` is in seconds, for all of it."""

    model: str
    texts: tuple[str, ...]
    input_type: Literal["document", "query"] = "document"
    """What the texts are: some models embed those that are searched for and those that are found differently."""
    dimensions: int | None = None
    max_usd: float | None = None
    timeout: float = 120.0
    connection: JsonObject = field(default_factory=dict, repr=False)
    connection_name: str = ""
    """Connection whose limits apply; empty: those of the provider."""
    journal: Journal | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """A vector for each text, in their order and all of one length; `usage` has tokens and usd."""

    vectors: tuple[tuple[float, ...], ...]
    usage: JsonObject = field(default_factory=dict)


class EmbeddingModel(Protocol):
    """Embedding models by name."""

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors; raises as `LanguageModel.complete`, and `StepError` (`too_large`) for more numbers than a step
        may have."""
